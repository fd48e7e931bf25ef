// Package metric is the catalogue of all metrics, the one source of truth for names, labels and help texts, and turns
// evaluated values into what a scrape gets.
package metric

import "slices"

// Type is a metric's type in the exposition.
type Type uint8

// The types that the exporter serves.
const (
	Gauge Type = iota
	Counter
	Histogram
)

// String returns the type's name in the exposition.
func (t Type) String() string { return [...]string{"gauge", "counter", "histogram"}[t] }

// Def defines one metric family.
type Def struct {
	Name   string
	Type   Type
	Labels []string
	Help   string
}

var (
	perModel  = []string{"model", "version"}
	perWindow = []string{"model", "version", "window"}
	perRival  = []string{"model", "version", "champion", "window"}
	perColumn = []string{"model", "version", "column", "role", "window"}
	perSlice  = []string{"model", "version", "column", "value", "window"}
	perSource = []string{"model", "source"}
)

// with returns labels with more behind them.
func with(labels []string, more ...string) []string {
	return append(slices.Clip(labels), more...)
}

const everyInterval = " Computed every evaluation interval from the predictions of the window, which ends at the newest event time."

// everyColumn is everyInterval of metrics that labels have too.
const everyColumn = everyInterval + " Of role label: of the joined labels that arrived in the window, as drift_window_labels."

// The catalogue.
var (
	Score = Def{
		"drift_score", Gauge, with(perColumn, "statistic"),
		"Distance of the window's values from the reference; large is bad, 0 is none. Each statistic has a range of its own, so do not average over them." + everyColumn,
	}
	NoiseFloor = Def{
		"drift_noise_floor", Gauge, with(perColumn, "statistic"),
		"Value that drift_score of the same labels stays below 99.9% of the time if nothing drifted, at the window's number of values." + everyColumn,
	}
	PValue = Def{
		"drift_p_value", Gauge, with(perColumn, "test"),
		"Probability of a difference from the reference at least as large as the window's if nothing drifted; small is bad." + everyColumn,
	}

	MovingScore = Def{
		"drift_moving_score", Gauge, with(perColumn, "statistic"),
		"Distance of the window's values from those of the window of the same length just before it, as drift_score is from the reference." + everyInterval,
	}
	MovingPValue = Def{
		"drift_moving_p_value", Gauge, with(perColumn, "test"),
		"Probability of a difference between the window and the one of the same length just before it at least as large if nothing changed; small is bad." + everyInterval,
	}

	MissingRatio = Def{
		"drift_missing_ratio", Gauge, perColumn,
		"Share of the window's records in which the column is null, absent or not a finite number. Labels have none, for one that is missing may still come." + everyInterval,
	}
	ReferenceMissingRatio = Def{
		"drift_reference_missing_ratio", Gauge,
		[]string{"model", "version", "column", "role"},
		"Share of the reference's rows in which the column is missing.",
	}
	InvalidRatio = Def{
		"drift_invalid_ratio", Gauge, perColumn,
		"Share of the window's records in which the column has a value of the wrong type. Labels have none, for one that is missing may still come." + everyInterval,
	}
	UnseenRatio = Def{
		"drift_unseen_ratio", Gauge, perColumn,
		"Share of the window's values of a categorical column, or of the tokens of a text column, that the reference does not have." + everyColumn,
	}
	ReferenceUnseenRatio = Def{
		"drift_reference_unseen_ratio", Gauge,
		[]string{"model", "version", "column", "role"},
		"Share of the tokens of a text column's reference that stand in only one of its texts: what drift_unseen_ratio is expected to be if nothing drifted.",
	}
	OutOfRangeRatio = Def{
		"drift_out_of_range_ratio", Gauge, perColumn,
		"Share of the window's values of a numeric column that lie below the reference's minimum or above its maximum." + everyColumn,
	}

	ColumnSkew = Def{
		"drift_column_skew_ratio", Gauge,
		[]string{"model", "column", "skew", "window"},
		"Share of the window's records in which the log differs from training: skew is missing_column (the log lacks the column), unknown_column (the reference lacks it), number_as_string, string_expected (a number where the reference has other texts) or wrong_kind." + everyInterval,
	}

	ColumnMean = Def{
		"drift_column_mean", Gauge, perColumn,
		"Mean of the window's values of a numeric column, in its own unit." + everyColumn,
	}
	ReferenceColumnMean = Def{
		"drift_reference_column_mean", Gauge,
		[]string{"model", "version", "column", "role"},
		"Mean of the reference's values of a numeric column, in its own unit.",
	}
	ColumnStandardDeviation = Def{
		"drift_column_standard_deviation", Gauge, perColumn,
		"Standard deviation (n-1) of the window's values of a numeric column, in its own unit." + everyColumn,
	}
	ReferenceColumnStandardDeviation = Def{
		"drift_reference_column_standard_deviation", Gauge,
		[]string{"model", "version", "column", "role"},
		"Standard deviation (n-1) of the reference's values of a numeric column, in its own unit.",
	}
	ColumnQuantile = Def{
		"drift_column_quantile", Gauge, with(perColumn, "q"),
		"Quantile q of the window's values of a numeric column, in its own unit, to the resolution of the profile's cut points." + everyColumn,
	}
	BinValues = Def{
		"drift_column_bin_values_total", Counter,
		[]string{"model", "version", "column", "role", "bin", "range"},
		"Values counted in each coarse bin or category, of labels the first one of each prediction; counters of replicas add up.",
	}
	BinReferenceRatio = Def{
		"drift_column_bin_reference_ratio", Gauge,
		[]string{"model", "version", "column", "role", "bin", "range"},
		"Share of the reference's values in each coarse bin or category.",
	}

	ErrorRatio = Def{
		"drift_error_ratio", Gauge, perWindow,
		"Share of wrong predictions among those whose label arrived in the window; for regression, of misses by more than the error tolerance.",
	}
	ErrorRatioLower = Def{
		"drift_error_ratio_lower", Gauge, perWindow,
		"Lower end of the Wilson 95% interval of drift_error_ratio.",
	}
	ErrorRatioUpper = Def{
		"drift_error_ratio_upper", Gauge, perWindow,
		"Upper end of the Wilson 95% interval of drift_error_ratio.",
	}
	ErrorPValue = Def{
		"drift_error_p_value", Gauge, with(perWindow, "test"),
		"Probability of an error ratio at least as far from the reference's as the window's if nothing changed: pooled two-proportion z test, two-sided.",
	}
	ReferenceErrorRatio = Def{
		"drift_reference_error_ratio", Gauge, perModel,
		"Share of wrong predictions in the reference; for regression, of misses by more than the error tolerance.",
	}
	Performance = Def{
		"drift_performance", Gauge, with(perWindow, "metric"),
		"Performance on the predictions whose label arrived in the window. Each metric has a range and a direction of its own.",
	}
	ReferencePerformance = Def{
		"drift_reference_performance", Gauge, with(perModel, "metric"),
		"Performance on the reference, where that holds labels and predictions.",
	}
	EstimatedPerformance = Def{
		"drift_estimated_performance", Gauge,
		[]string{"model", "version", "metric", "method", "window"},
		"Performance that the window's predictions are expected to have, before any of their labels; wrong where what scores or inputs mean has changed since the reference. method is cbpe (calibrated scores of a binary classification) or dle (a model of the errors of a regression)." + everyInterval,
	}

	VersionDifference = Def{
		"drift_version_error_ratio_difference", Gauge, perRival,
		"Error ratio of the version minus that of the champion, over the labels that arrived in the window; positive is worse. Served where both have enough labels in the window.",
	}
	VersionDifferenceLower = Def{
		"drift_version_error_ratio_difference_lower", Gauge, perRival,
		"Lower end of the 95% interval of drift_version_error_ratio_difference, by Newcombe's hybrid score method.",
	}
	VersionDifferenceUpper = Def{
		"drift_version_error_ratio_difference_upper", Gauge, perRival,
		"Upper end of the 95% interval of drift_version_error_ratio_difference, by Newcombe's hybrid score method.",
	}
	VersionPValue = Def{
		"drift_version_p_value", Gauge, perRival,
		"Probability of error ratios of version and champion at least as far apart if the versions do not differ: pooled two-proportion z test, two-sided.",
	}

	Confusion = Def{
		"drift_confusion_total", Counter, with(perModel, "predicted", "actual"),
		"Labeled predictions by the predicted class and the class of the label that came first. Classes beyond the first 20 count together as other.",
	}
	CalibrationScore = Def{
		"drift_calibration_score", Gauge, with(perWindow, "scores"),
		"Mean of the scores within the range, of the predictions whose label arrived in the window.",
	}
	CalibrationPositiveRatio = Def{
		"drift_calibration_positive_ratio", Gauge, with(perWindow, "scores"),
		"Share of labels of the positive class among the predictions with a score within the range. It equals drift_calibration_score where scores are probabilities.",
	}
	ReferenceCalibrationScore = Def{
		"drift_reference_calibration_score", Gauge, with(perModel, "scores"),
		"Mean of the reference's scores within the range.",
	}
	ReferenceCalibrationPositiveRatio = Def{
		"drift_reference_calibration_positive_ratio", Gauge, with(perModel, "scores"),
		"Share of labels of the positive class among the reference's rows with a score within the range.",
	}

	DetectorState = Def{
		"drift_detector_state", Gauge, with(perModel, "detector"),
		"What the detector of changes in the stream of errors said of the label that arrived last: 0 nothing, 1 warning, 2 drift. It begins anew after a drift.",
	}
	DetectorDrifts = Def{
		"drift_detector_drifts_total", Counter, with(perModel, "detector"),
		"Changes in the stream of errors that the detector found, in the order in which labels arrived.",
	}
	DetectorLastDrift = Def{
		"drift_detector_last_drift_timestamp_seconds", Gauge, with(perModel, "detector"),
		"Time of the label at which the detector last found a change.",
	}
	SliceErrorRatio = Def{
		"drift_slice_error_ratio", Gauge, perSlice,
		"Share of wrong predictions among those of the slice whose label arrived in the window, as drift_error_ratio is of all.",
	}
	SliceErrorRatioLower = Def{
		"drift_slice_error_ratio_lower", Gauge, perSlice,
		"Lower end of the Wilson 95% interval of drift_slice_error_ratio.",
	}
	SliceErrorRatioUpper = Def{
		"drift_slice_error_ratio_upper", Gauge, perSlice,
		"Upper end of the Wilson 95% interval of drift_slice_error_ratio.",
	}
	SlicePredictions = Def{
		"drift_slice_predictions", Gauge, perSlice,
		"Predictions of the slice in the window." + everyInterval,
	}
	SliceLabels = Def{
		"drift_slice_labels", Gauge, perSlice,
		"Joined labels of the slice in the window of label arrival times.",
	}
	SliceOtherValues = Def{
		"drift_slice_other_values", Gauge, with(perModel, "column"),
		"Values of the reference, or pairs of them, that are not served apart but together as the value other, because of max_slice_values or max_categories.",
	}

	Predictions = Def{
		"drift_predictions_total", Counter, perModel,
		"Prediction records counted.",
	}
	Labels = Def{
		"drift_labels_total", Counter,
		[]string{"model", "outcome"},
		"Label records by what became of them: joined, corrected (a later label replaced an earlier one), duplicate (repeated or outdated), unmatched (its prediction has not been seen so far), expired, evicted.",
	}
	LabeledPredictions = Def{
		"drift_labeled_predictions_total", Counter, perModel,
		"Predictions that were joined with a label.",
	}
	PredictionErrors = Def{
		"drift_prediction_errors_total", Counter, perModel,
		"Predictions whose first label to arrive showed them to be wrong.",
	}
	PendingPredictions = Def{
		"drift_pending_predictions", Gauge,
		[]string{"model"},
		"Predictions in memory that wait for their label.",
	}

	WindowPredictions = Def{
		"drift_window_predictions", Gauge, perWindow,
		"Predictions in the window.",
	}
	WindowLabels = Def{
		"drift_window_labels", Gauge, perWindow,
		"Joined labels in the window of label arrival times, which is what error and performance metrics cover.",
	}
	WindowDuration = Def{
		"drift_window_duration_seconds", Gauge,
		[]string{"model", "window"},
		"Configured length of the window.",
	}
	WindowEnd = Def{
		"drift_window_end_timestamp_seconds", Gauge,
		[]string{"model"},
		"Newest event time, at which the model's windows end.",
	}
	FirstPrediction = Def{
		"drift_first_prediction_timestamp_seconds", Gauge, perModel,
		"Event time of the oldest prediction counted.",
	}
	LastPrediction = Def{
		"drift_last_prediction_timestamp_seconds", Gauge, perModel,
		"Event time of the newest prediction.",
	}
	LastPredictionRead = Def{
		"drift_last_prediction_read_timestamp_seconds", Gauge, perModel,
		"Wall-clock time at which a prediction was last read.",
	}
	LastLabelRead = Def{
		"drift_last_label_read_timestamp_seconds", Gauge,
		[]string{"model"},
		"Wall-clock time at which a record that may hold a label was last read.",
	}
	LabelDelay = Def{
		"drift_label_delay_seconds", Histogram, perModel,
		"Time from a prediction to the first label that was read for it, over all joined labels; 0 if the label is the older one.",
	}
	LabelDelayQuantile = Def{
		"drift_label_delay_quantile_seconds", Gauge, with(perWindow, "q"),
		"Quantile q of the time from a prediction to its label, over the labels of the window.",
	}
	LabeledRatio = Def{
		"drift_labeled_ratio", Gauge, perWindow,
		"Share of the window's predictions whose label has arrived so far.",
	}

	ReferencePredictions = Def{
		"drift_reference_predictions", Gauge, perModel,
		"Rows of the reference.",
	}
	ReferenceTimestamp = Def{
		"drift_reference_timestamp_seconds", Gauge, perModel,
		"Modification time of the reference file.",
	}
	ReferenceFallback = Def{
		"drift_reference_fallback", Gauge, perModel,
		"1 if the version has no reference of its own although others have, and is compared with the general one, else 0.",
	}
	ModelInfo = Def{
		"drift_model_info", Gauge,
		[]string{"model", "version", "task", "reference"},
		"Always 1; the model's task and the path of its reference.",
	}
	ModelDependency = Def{
		"drift_model_dependency_info", Gauge,
		[]string{"model", "depends_on"},
		"Always 1; a model or table that the model's features come from.",
	}

	SourceUp = Def{
		"drift_source_up", Gauge, perSource,
		"1 if the source could be read when last tried and has a file or is a topic that exists, else 0.",
	}
	SourceInfo = Def{
		"drift_source_info", Gauge, with(perSource, "log"),
		"Always 1; what the source's records are: predictions or labels.",
	}
	SourceRecords = Def{
		"drift_source_records_total", Counter, perSource,
		"Records read from the source and understood.",
	}
	SourceErrors = Def{
		"drift_source_errors_total", Counter, with(perSource, "reason"),
		"Records of the source that were not counted, by reason.",
	}
	SourceSkipped = Def{
		"drift_source_skipped_total", Counter, with(perSource, "reason"),
		"Records of the source that were passed over as the configuration says, by reason: condition (where, keep and skip) or start_at (they are older).",
	}
	SourceReadBytes = Def{
		"drift_source_read_bytes_total", Counter, perSource,
		"Bytes read from the source.",
	}
	SourceLagBytes = Def{
		"drift_source_lag_bytes", Gauge, perSource,
		"Bytes of the source's files that have not been read yet.",
	}
	SourceLagRecords = Def{
		"drift_source_lag_records", Gauge, perSource,
		"Messages of a Kafka topic that have not been read yet, in the partitions that this exporter reads.",
	}
	SourceLastRecord = Def{
		"drift_source_last_record_timestamp_seconds", Gauge, perSource,
		"Wall-clock time at which a record was last read from the source.",
	}

	ReceiverRequests = Def{
		"drift_receiver_requests_total", Counter,
		[]string{"source", "code"},
		"Requests to a receiver by the status code of the answer: 202 were taken, all others were not. Those to a name that no receiver has are 404, without source.",
	}
	ReceiverSpoolBytes = Def{
		"drift_receiver_spool_bytes", Gauge,
		[]string{"source"},
		"Size of what a receiver keeps until it has been counted and a checkpoint covers that. At max_spool it refuses requests with 429.",
	}
	ReceiverSpoolLimit = Def{
		"drift_receiver_spool_limit_bytes", Gauge,
		[]string{"source"},
		"Configured size of the receiver's spool, max_spool.",
	}

	ConfigReloadSuccess = Def{
		"drift_exporter_config_last_reload_successful", Gauge, nil,
		"1 if the configuration was loaded at the last attempt, else 0.",
	}
	ConfigReloadTime = Def{
		"drift_exporter_config_last_reload_success_timestamp_seconds", Gauge, nil,
		"Wall-clock time at which the configuration was last loaded.",
	}
	EvaluationInterval = Def{
		"drift_exporter_evaluation_interval_seconds", Gauge, nil,
		"Configured time between two evaluations.",
	}
	EvaluationDuration = Def{
		"drift_exporter_evaluation_duration_seconds", Gauge,
		[]string{"model"},
		"Time that the last evaluation of the model took.",
	}
	LastEvaluation = Def{
		"drift_exporter_last_evaluation_timestamp_seconds", Gauge,
		[]string{"model"},
		"Wall-clock time of the model's last evaluation.",
	}
	CheckpointInterval = Def{
		"drift_exporter_checkpoint_interval_seconds", Gauge, nil,
		"Configured time from the end of one checkpoint to the start of the next; absent without state.",
	}
	CheckpointSuccess = Def{
		"drift_exporter_checkpoint_last_successful", Gauge, nil,
		"1 if the last checkpoint of the state was written, else 0; absent before the first one, and without state.",
	}
	CheckpointTime = Def{
		"drift_exporter_checkpoint_last_success_timestamp_seconds", Gauge, nil,
		"Wall-clock time at which the last checkpoint that was written was begun. After a crash, what was read later is read again.",
	}
	CheckpointDuration = Def{
		"drift_exporter_checkpoint_duration_seconds", Gauge, nil,
		"Time that the last checkpoint took to write. Models go on counting meanwhile.",
	}
	CheckpointPause = Def{
		"drift_exporter_checkpoint_pause_seconds", Gauge, nil,
		"Longest time without counting that the last checkpoint caused in any model.",
	}
	CheckpointSize = Def{
		"drift_exporter_checkpoint_size_bytes", Gauge, nil,
		"Size of the last checkpoint.",
	}
	CheckpointFailures = Def{
		"drift_exporter_checkpoint_failures_total", Counter, nil,
		"Checkpoints that could not be written.",
	}
	CheckpointsRejected = Def{
		"drift_exporter_checkpoints_rejected_total", Counter,
		[]string{"reason"},
		"Checkpoints that were found at the start and not believed, by reason: foreign (of another program or version), torn (it ends too early), corrupt (a checksum is wrong) or unreadable.",
	}
	ModelsRestored = Def{
		"drift_exporter_models_restored", Gauge, nil,
		"Models that went on from a checkpoint when the exporter started; the others read the logs from where they begin.",
	}
	SeriesDropped = Def{
		"drift_exporter_series_dropped_total", Counter,
		[]string{"reason"},
		"Values that were not served, by reason: not_finite (there is no number to serve) or invalid_label (a name that is not valid UTF-8 and then equals another).",
	}
)

// Catalogue lists every metric of the exporter's own.
var Catalogue = []Def{
	Score, NoiseFloor, PValue, MovingScore, MovingPValue,
	MissingRatio, ReferenceMissingRatio, InvalidRatio, UnseenRatio, ReferenceUnseenRatio, OutOfRangeRatio, ColumnSkew,
	ColumnMean, ReferenceColumnMean, ColumnStandardDeviation, ReferenceColumnStandardDeviation, ColumnQuantile,
	BinValues, BinReferenceRatio,
	ErrorRatio, ErrorRatioLower, ErrorRatioUpper, ErrorPValue, ReferenceErrorRatio, Performance, ReferencePerformance,
	EstimatedPerformance,
	VersionDifference, VersionDifferenceLower, VersionDifferenceUpper, VersionPValue,
	Confusion, CalibrationScore, CalibrationPositiveRatio, ReferenceCalibrationScore, ReferenceCalibrationPositiveRatio,
	DetectorState, DetectorDrifts, DetectorLastDrift,
	SliceErrorRatio, SliceErrorRatioLower, SliceErrorRatioUpper, SlicePredictions, SliceLabels, SliceOtherValues,
	Predictions, Labels, LabeledPredictions, PredictionErrors, PendingPredictions,
	WindowPredictions, WindowLabels, WindowDuration, WindowEnd, FirstPrediction, LastPrediction,
	LastPredictionRead, LastLabelRead, LabelDelay, LabelDelayQuantile, LabeledRatio,
	ReferencePredictions, ReferenceTimestamp, ReferenceFallback, ModelInfo, ModelDependency,
	SourceUp, SourceInfo, SourceRecords, SourceErrors, SourceSkipped, SourceReadBytes, SourceLagBytes,
	SourceLagRecords, SourceLastRecord,
	ReceiverRequests, ReceiverSpoolBytes, ReceiverSpoolLimit,
	ConfigReloadSuccess, ConfigReloadTime, EvaluationInterval, EvaluationDuration, LastEvaluation,
	CheckpointInterval, CheckpointSuccess, CheckpointTime, CheckpointDuration, CheckpointPause, CheckpointSize,
	CheckpointFailures, CheckpointsRejected, ModelsRestored, SeriesDropped,
}
