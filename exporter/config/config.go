// Package config reads the configuration file: YAML goes in, a validated Config with every default filled in comes out,
// or else all of the file's problems at once, each with its line, column and what to do about it.
//
// The comments of the types below are the reference of the file. Each field's comment starts with its key.
package config

import (
	"path/filepath"
	"strings"
	"time"

	"github.com/drift-exporter/drift_exporter/exporter/decode/mapping"
)

// Config is a whole configuration. Unknown keys are problems at every level, and so are keys given twice and keys
// without a value. Durations are written as Prometheus writes them, largest unit first: 15s, 1h30m, 7d; the units are
// ms, s, m, h, d (24h), w (7d) and y (365d), and a bare number is a problem.
type Config struct {
	// EvaluationInterval is `evaluation_interval`: the time between two computations of all windowed metrics. Scrapes
	// get the values of the last one, so an interval below Prometheus's scrape interval only costs CPU.
	// Default 15s; 1s to 366d.
	EvaluationInterval time.Duration
	// State is `state`: where the exporter keeps what it would lose when it ends. Default: nowhere; after a start the logs
	// that still exist are read again.
	State State
	// Models are `models`: the list of monitored models, in the file's order. Required, at least one.
	Models []Model
}

// State says where checkpoints are kept, and how often they are written.
type State struct {
	// Path is `path`: the folder of the checkpoints, which no other exporter may use, relative to the folder of the
	// configuration file. It is made if it does not exist. Required in state.
	Path string
	// CheckpointInterval is `checkpoint_interval`: the time between the end of one checkpoint and the start of the next.
	// After a crash, what was read since the last one is read again. Default 30s; 1s to 1d.
	CheckpointInterval time.Duration
}

// Model is one monitored model: an entry of models.
type Model struct {
	// Name is `name`: the label "model" of all metrics of the model. Required; unique; not empty.
	Name string
	// Task is `task`: classification or regression. Default: inferred from the reference's labels or predictions.
	Task Task
	// PositiveClass is `positive_class`: the class that precision, recall, F1 and ROC AUC are about, as the log writes
	// it. Only for a classification with two classes. Default: inferred from the reference.
	PositiveClass string
	// Reference is `reference`: the training data, or a profile that was built from it. Required.
	Reference File
	// References are `references`: a mapping from model versions to references of their own, each as in reference, sorted
	// by version here. A version that is not named is compared with reference, which a metric and the log say. All of
	// a model's references must be of the same task. Default: none.
	References []VersionReference
	// MovingReference is `moving_reference`: true also compares every window with the window of the same length just
	// before it: the day with the day before, the week with the week before. It doubles the memory that windows take.
	// Default false.
	MovingReference bool
	// Predictions are `predictions`: the logs of predictions, one mapping or a list of mappings. Required.
	Predictions []Source
	// Labels are `labels`: the logs of ground truth, one mapping or a list of mappings. Default: none, and then no
	// error or performance metric is served.
	Labels []Source
	// LabelTimeout is `labels.timeout`: how long after its prediction a label is still joined; the ids of predictions
	// are kept in memory for as long. It stands in an entry of labels but holds for all of the model's, so giving two
	// different values is a problem. Default 30d; 1s to 10y.
	LabelTimeout time.Duration
	// LabelsInPredictions is `labels.in_predictions`: true also takes the label field of a prediction record for its
	// label, which arrives at the time of the prediction. Such an entry of labels has no path. Default false.
	LabelsInPredictions bool
	// MaxIDs is `max_ids`: how many ids are remembered at the same time, of predictions that wait for their label, and of
	// joined ones, whose label may still be corrected. Beyond that the oldest are given up, joined ones first. Only with
	// labels. Default 10000000; 1000 to 1000000000.
	MaxIDs int
	// Fields are `fields`: where the parts of a record are found. It holds for the logs and for the reference.
	Fields Fields
	// Columns are `columns`: a mapping from column names to what is said of them, sorted by name here. Columns that are
	// not named are inferred from the reference. Default: none.
	Columns []Column
	// Windows are `windows`: a list of durations of event time over which metrics are computed, sorted by length here.
	// The label "window" has a duration as the file writes it. Default [1h, 24h, 7d]; each 1m to 10y, no length twice.
	Windows []Window
	// MinRecords is `min_records`: a metric of a window is absent while it would be computed from fewer values than
	// this. Default 30; 1 to 1000000000.
	MinRecords int
	// CutPoints is `cut_points`: how many points of a numeric column's reference live values are counted between. The
	// Kolmogorov-Smirnov and Wasserstein distances are exact for columns with at most as many distinct values, and
	// memory grows with it. Default 1024; 16 to 65536.
	CutPoints int
	// MaxCategories is `max_categories`: how many of the reference's categories of a column are told apart; the rarest
	// beyond it count together as "other". Default 1024; 2 to 65536.
	MaxCategories int
	// MaxTokens is `max_tokens`: how many of the reference's tokens of a text column are told apart; the rarest beyond it
	// count together. Default 8192; 2 to 65536.
	MaxTokens int
	// MaxVersions is `max_versions`: how many versions of the model are served apart at the same time; further versions
	// are served together as one. Default 10; 1 to 100.
	MaxVersions int
	// AllowedLateness is `allowed_lateness`: records whose event time lies further than this before the newest one are
	// counted as late and dropped, once the exporter has caught up with the logs. Default 1h; 0s to 366d.
	AllowedLateness time.Duration
	// MaxFuture is `max_future`: records whose event time lies further than this after the wall clock are counted and
	// dropped, so that one wrong clock does not end every window early. Default 10m; 0s to 366d.
	MaxFuture time.Duration
	// Slices are `slices`: the parts of the predictions that errors and volume are also served for, a list of columns
	// and of pairs of columns; no text columns. Default: none.
	Slices []Slice
	// MaxSliceValues is `max_slice_values`: how many values of a slice are served apart, the most frequent ones of the
	// reference; of a pair of columns as many pairs at most. The rest counts together as "other". Default 50; 4 to 1000.
	MaxSliceValues int
	// Detectors are `detectors`: the detectors that watch the stream of joined errors, sorted by name here: adwin, ddm,
	// eddm, hddm_a, hddm_w, page_hinkley. Default [adwin]; an empty list stands for none.
	Detectors []string
	// Champion is `champion`: the version that all others are compared with. Default: the one that was first seen, of
	// those with enough labels in a window.
	Champion string
	// ErrorTolerance is `error_tolerance`: a regression counts as an error if it misses the label by more than this, in
	// the label's unit. Only for regression. Default 0, which means the 90th percentile of the reference's absolute
	// error; otherwise a finite number above 0.
	ErrorTolerance float64
	// MissingValues are `missing_values`: the texts that stand for no value in formats without types (CSV). A list
	// replaces the default, and an empty list leaves none. Numbers and booleans are kept as they are written. Default
	// ["", NA, N/A, NaN, "null", "NULL", None], where the quotes keep YAML from reading a null.
	MissingValues []string
	// DependsOn are `depends_on`: the models and tables that the model's features come from, sorted by name here. A table
	// is one that some exporter watches as a model of this name. Rules take from it that a drift of the model follows from
	// one upstream. Default: none.
	DependsOn []string
}

// Task is what a model does.
type Task string

// The tasks. The empty Task is inferred.
const (
	Classification Task = "classification"
	Regression     Task = "regression"
)

// File is the file of a reference, as it is or compressed by gzip or zstd. Whether it exists is found out by who reads
// it.
type File struct {
	// Path is `path`: the file's path, relative to the folder of the configuration file. Required.
	Path string
	// Format is `format`: jsonl, csv, json, logfmt, tfrecord, parquet, profile (what drift_exporter profile has written)
	// or sagemaker_statistics (a statistics.json of Amazon SageMaker Model Monitor). Default: told by what the file holds
	// and by its ending.
	Format Format
	// Header is `header`: as that of a log.
	Header []string
}

// VersionReference is one entry of references.
type VersionReference struct {
	// Version is the version of the model, as its log writes it: the key.
	Version string
	// File is the version's reference.
	File File
}

// Format is how a file's bytes are read.
type Format string

// The formats. The empty Format is told by a file's ending, see FormatOf.
const (
	JSONL    Format = "jsonl"
	CSV      Format = "csv"
	JSON     Format = "json"
	Logfmt   Format = "logfmt"
	TFRecord Format = "tfrecord"
	Parquet  Format = "parquet"
	// Profile and SageMakerStatistics are for references only.
	Profile             Format = "profile"
	SageMakerStatistics Format = "sagemaker_statistics"
)

// Unwrap is what a container runtime has wrapped the lines of a log in.
type Unwrap string

// The runtimes. The empty Unwrap is none.
const (
	Docker Unwrap = "docker"
	CRI    Unwrap = "cri"
)

// Source is one log: an entry of predictions or labels.
type Source struct {
	// Path is `path`: a glob pattern for the log's files, relative to the folder of the configuration file. * and ?
	// stand for characters of one name, [a-z] for one character, {a,b} for alternatives, and ** for any number of
	// folders; a backslash takes such a character's meaning away. Files that appear later are found. "-" stands for the
	// standard input, which is read once to its end; one log of the file may be that. Required, unless there is receive
	// or kafka.
	Path string
	// Receive is `receive`: in the place of path, says that the records are sent to the exporter over HTTP. Default: nil,
	// they are not.
	Receive *Receive
	// Kafka is `kafka`: in the place of path, says that the records are in a topic of Apache Kafka. Default: nil, they are
	// not.
	Kafka *Kafka
	// Format is `format`: jsonl, csv, json (an array of objects, or objects one behind the other, over many lines),
	// logfmt, tfrecord or parquet. Default: the one of csv, logfmt, tfrecord and parquet in which the pattern ends, or in
	// that and what rotation appends, as in labels.csv*; else jsonl.
	Format Format
	// Header is `header`: the names of the columns, as a list, of a CSV log whose files have no header line. In tfrecord
	// it names the values of a tensor that has as many of them a row. Default: none, and then each CSV file begins with a
	// header line, and such values are numbered.
	Header []string
	// Unwrap is `unwrap`: docker or cri, if the lines of the log are wrapped as Docker's json-file driver or a Kubernetes
	// node does it. Only for jsonl and logfmt. Default: none.
	Unwrap Unwrap
	// ID is `id`: where this log has the id that joins labels to predictions, as in fields.id. Default: as fields says.
	ID string
	// Where is `where`: a mapping from fields to values, sorted by field here. Only the records that have all of them
	// are this model's; that divides a log that several models share. Default: every record.
	Where []Condition
	// Preset is `preset`: the serving platform that wrote the log; see docs/platforms.md. Default native: the exporter's
	// own format. It is empty for native, and with mapping.
	Preset string
	// Mapping is `mapping`: how the records of a log become rows, in the grammar of docs/platforms.md. Default: none. It
	// is YAML here, with the keys in order; Spec is what it means.
	Mapping string
	// StartAt is `start_at`: where reading begins when the log is read for the first time: beginning, end, or a duration
	// back, such as 7d. Files that appear later are read whole, and a state that knows the log wins over it. A duration
	// passes over the records whose time lies further back than that, and leaves files unread that have not been written
	// to since. Not with receive, and for the standard input only a duration; 1s to 10y. Default beginning.
	StartAt StartAt
	// FeatureNames are `feature_names`: the names of the features in the order in which requests that have no names have
	// their values, as a list, or the path of a statistics.json of SageMaker that has them. Only with preset or mapping.
	// Default: f0, f1 and so on.
	FeatureNames FeatureNames
	// Spec is the mapping of Preset or Mapping with FeatureNames, as far as they are a list; nil for native.
	Spec *mapping.Spec
}

// StartAt is where reading begins. The zero value stands for the beginning.
type StartAt struct {
	// End says that it is the end of what there is.
	End bool
	// Back is how far back from now the first record may lie, 0 where that is not limited.
	Back time.Duration
}

// FeatureNames are names, or the path of a file that has them.
type FeatureNames struct {
	// List has the names.
	List []string
	// Path is that of the file, relative to the folder of the configuration file; empty if there is a list.
	Path string
}

// Receive says how records are taken over HTTP. They are kept in files until they have been counted.
type Receive struct {
	// Name is `name`: records are sent to /ingest/ and this name, which is also the label "source" of metrics and the name
	// of a folder. Letters, digits and . _ - with a letter or digit first, 63 of them at most; no two in the file may be
	// the same, whatever the case of their letters. Required.
	Name string
	// TokenFile is `token_file`: the path of a file with the bearer token that requests must have, relative to the folder
	// of the configuration file. It is read again when it changes. Default: none, and then no request needs one.
	TokenFile string
	// Spool is `spool`: the folder in which the records are kept, in a folder of the receiver's name, relative to the
	// folder of the configuration file. Default: the folder spool in state.path; required without state.
	Spool string
	// MaxBody is `max_body`: how many bytes the body of a request may have, before and after it is unpacked. Default
	// 4MiB; 1KiB to 64MiB.
	MaxBody int64
	// MaxSpool is `max_spool`: how many bytes are kept that have not been counted in a checkpoint yet; beyond that,
	// requests are told to come again. Default 1GiB; 1MiB to 1TiB, and at least four times max_body.
	MaxSpool int64
	// Sync is `sync`: true answers a request only when its records are on the disk, so that they survive a crash of the
	// system too, and not only one of the exporter. Default false.
	Sync bool
}

// Folder returns the folder in which the records of this receiver alone are kept.
func (r *Receive) Folder() string { return filepath.Join(r.Spool, r.Name) }

// Kafka says which topic is read, and how to connect.
type Kafka struct {
	// Brokers are `brokers`: a list of addresses host:port, through which all other brokers are found. Required.
	Brokers []string
	// Topic is `topic`: the name of the topic. It need not exist yet. Required.
	Topic string
	// Group is `group`: the consumer group whose members share the partitions among them. Exporters that do the same work
	// have the same; two entries of one file that read the same topic must not. Required.
	Group string
	// TLS is `tls`: how connections are encrypted; an empty mapping checks brokers by the authorities of the system.
	// Default: nil, they are not.
	TLS *TLS
	// SASL is `sasl`: how the exporter authenticates itself. Default: nil, it does not.
	SASL *SASL
}

// TLS says how connections to brokers are encrypted.
type TLS struct {
	// CAFile is `ca_file`: the path of a file with the certificates of authorities in PEM. Default: those of the system.
	CAFile string
	// CertFile is `cert_file`: the path of a file with the certificate that the exporter shows, in PEM. Default: none.
	CertFile string
	// KeyFile is `key_file`: the path of a file with its key, in PEM. Required with cert_file.
	KeyFile string
	// ServerName is `server_name`: the name that certificates of brokers must have. Default: that of their address.
	ServerName string
	// InsecureSkipVerify is `insecure_skip_verify`: true accepts any certificate. Default false.
	InsecureSkipVerify bool
}

// SASL says how the exporter authenticates itself to brokers.
type SASL struct {
	// Mechanism is `mechanism`: plain, scram-sha-256 or scram-sha-512. Required.
	Mechanism string
	// Username is `username`: the name of the user. Required.
	Username string
	// PasswordFile is `password_file`: the path of a file that has the password. It is read for every connection. One of
	// this and password_variable is required.
	PasswordFile string
	// PasswordVariable is `password_variable`: the name of the environment variable that has the password.
	PasswordVariable string
}

// Stdin is the Path that stands for the standard input.
const Stdin = "-"

// Condition is one entry of where.
type Condition struct {
	// Field is the dotted path of a field: the key.
	Field string
	// Value is the text that the field must equal. Numbers and booleans are kept as they are written.
	Value string
}

// Fields are the dotted paths of a record's parts: "output.class" is the key class inside the object output.
type Fields struct {
	// ID is `id`: what joins a label to its prediction: a path, or a text with paths in braces, as in
	// "{request_id}_{row}", where one field is not enough. Default id.
	ID string
	// Timestamp is `timestamp`: the event time. Default timestamp.
	Timestamp string
	// Version is `version`: the version of the model, the label "version" of metrics. Default model_version.
	Version string
	// Model is `model`: the name of the model, which is never a column. Use where to divide a log by it. Default model.
	Model string
	// Features is `features`: the object that holds the columns. A column that is not in it is looked for in the record
	// itself, so flat records need nothing here. Default features.
	Features string
	// Prediction is `prediction`: the predicted class or number. Default prediction.
	Prediction string
	// Score is `score`: the probability of the positive class. Default score.
	Score string
	// Label is `label`: the ground truth. Default label.
	Label string
}

// Slice divides predictions by the values of one column or of two: an entry of slices.
type Slice []string

// String returns the label "column" of the slice's metrics.
func (s Slice) String() string { return strings.Join(s, ",") }

// Column is what the file says of one column: an entry of columns. Name is its key.
type Column struct {
	// Name is the name of the column, not empty.
	Name string
	// Kind is `kind`: numeric, categorical or text. Default: numeric if edges are given, else inferred from the
	// reference.
	Kind Kind
	// Edges are `edges`: the list of borders between the coarse bins that PSI and the like compare; a value on a border
	// is in the bin below it. Only for numeric columns; finite, strictly increasing, at most cut_points of them.
	// Default: the deciles of the reference.
	Edges []float64
	// Ignore is `ignore`: true leaves the column out, and then no other key may be given. Default false.
	Ignore bool
}

// Kind is how the values of a column are read.
type Kind string

// The kinds. The empty Kind is inferred.
const (
	Numeric     Kind = "numeric"
	Categorical Kind = "categorical"
	Text        Kind = "text"
)

// Window is one length of time over which metrics are computed: an entry of windows.
type Window struct {
	// Name is the duration as the file writes it, and the label "window" of metrics.
	Name string
	// Length is the duration.
	Length time.Duration
}

// defaultModel returns a model that has every default and nothing else.
func defaultModel() Model {
	return Model{
		LabelTimeout: 30 * day,
		MaxIDs:       10_000_000,
		Fields: Fields{
			ID: "id", Timestamp: "timestamp", Version: "model_version", Model: "model",
			Features: "features", Prediction: "prediction", Score: "score", Label: "label",
		},
		Windows:         []Window{{"1h", time.Hour}, {"24h", day}, {"7d", 7 * day}},
		MinRecords:      30,
		CutPoints:       1024,
		MaxCategories:   1024,
		MaxTokens:       8192,
		MaxVersions:     10,
		AllowedLateness: time.Hour,
		MaxFuture:       10 * time.Minute,
		MaxSliceValues:  50,
		Detectors:       []string{"adwin"},
		MissingValues:   []string{"", "NA", "N/A", "NaN", "null", "NULL", "None"},
	}
}

const day = 24 * time.Hour
