package profile

import (
	"encoding/json"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"math"
	"math/bits"
	"slices"
	"strconv"
	"strings"

	"github.com/drift-exporter/drift_exporter/exporter/stat"
)

// sageMakerStatistics is a statistics.json, as far as it is read.
type sageMakerStatistics struct {
	Dataset struct {
		Items float64 `json:"item_count"`
	} `json:"dataset"`
	Features []sageMakerFeature `json:"features"`
}

type sageMakerFeature struct {
	Name    string            `json:"name"`
	Type    string            `json:"inferred_type"`
	Numbers *sageMakerNumbers `json:"numerical_statistics"`
	Strings *sageMakerStrings `json:"string_statistics"`
}

type sageMakerCommon struct {
	Present float64 `json:"num_present"`
	Missing float64 `json:"num_missing"`
}

type sageMakerNumbers struct {
	Common       sageMakerCommon `json:"common"`
	Mean         number          `json:"mean"`
	Deviation    number          `json:"std_dev"`
	Low          number          `json:"min"`
	High         number          `json:"max"`
	Distribution struct {
		KLL *struct {
			Sketch *struct {
				Parameters struct {
					C float64 `json:"c"`
					K float64 `json:"k"`
				} `json:"parameters"`
				// Data are the levels: an item of level h stands for 2^h values.
				Data [][]float64 `json:"data"`
			} `json:"sketch"`
		} `json:"kll"`
	} `json:"distribution"`
}

type sageMakerStrings struct {
	Common       sageMakerCommon `json:"common"`
	Distinct     float64         `json:"distinct_count"`
	Distribution struct {
		Categorical *struct {
			Buckets []struct {
				Value string  `json:"value"`
				Count float64 `json:"count"`
			} `json:"buckets"`
		} `json:"categorical"`
	} `json:"distribution"`
}

const (
	// mostItems bounds the counts that are read, so that their sums are exact.
	mostItems = 1 << 52
	// mostLevels keeps weights within an integer.
	mostLevels = 50
)

// readSageMaker builds the profile of statistics that Amazon SageMaker Model Monitor has made of training data. They
// know no labels of predictions, so there is no performance.
func (b *builder) readSageMaker(in io.Reader) error {
	data, err := io.ReadAll(io.LimitReader(in, maxFile+1))
	if err == nil && len(data) > maxFile {
		err = fmt.Errorf("it is larger than %d MiB", maxFile>>20)
	}
	var s sageMakerStatistics
	if err == nil {
		err = json.Unmarshal(data, &s)
	}
	if err == nil && (!whole(s.Dataset.Items) || len(s.Features) == 0) {
		err = errors.New("it lacks item_count or features; the statistics.json of a data quality baseline has them")
	}
	if err != nil {
		return fmt.Errorf("%s: is no statistics.json of SageMaker: %w", b.options.Path, err)
	}
	b.rows = int(s.Dataset.Items)
	var all []*sighting
	seed := maphash.MakeSeed()
	known := make(map[string]bool)
	for i := range s.Features {
		f := &s.Features[i]
		if f.Name == "" || known[f.Name] {
			return fmt.Errorf("%s: feature %d has no name, or one that another has", b.options.Path, i)
		}
		known[f.Name] = true
		sight := newSighting(f.Name, []string{f.Name}, seed)
		if why, err := b.sageMakerColumn(f, sight); err != nil {
			return fmt.Errorf("%s: feature %q: %w", b.options.Path, f.Name, err)
		} else if why != "" && !b.options.Columns[f.Name].Ignore {
			b.leave(f.Name, why)
			continue
		}
		all = append(all, sight)
	}
	b.results.classesOf(outcomes(all, b.options.Names, make(map[*sighting]bool)))
	return b.complete(all)
}

// whole reports whether a number is a count of something that is there.
func whole(x float64) bool { return x > 0 && x <= mostItems && x == math.Trunc(x) }

// sageMakerColumn fills in a sighting. leave is why the feature cannot be compared, "" if it can.
func (b *builder) sageMakerColumn(f *sageMakerFeature, s *sighting) (leave string, err error) {
	var common *sageMakerCommon
	switch {
	case f.Numbers != nil:
		common = &f.Numbers.Common
	case f.Strings != nil:
		common = &f.Strings.Common
	default:
		return "has no statistics, only the type " + strconv.Quote(f.Type), nil
	}
	if common.Present == 0 {
		return "has no values", nil
	}
	missing := common.Missing
	if !whole(common.Present) || missing != 0 && !whole(missing) || common.Present+missing != float64(b.rows) {
		return "", fmt.Errorf("has %g values and %g missing ones of %d", common.Present, missing, b.rows)
	}
	s.values = int(common.Present)
	s.asNames = newNames(uint64(missing))
	s.asNumbers = &numbers{limit: b.options.CutPoints, missing: uint64(missing)}
	if f.Numbers != nil {
		return f.Numbers.read(s)
	}
	s.asNumbers.missing, s.asNumbers.invalid = uint64(missing), uint64(s.values) // No number is in a text.
	return f.Strings.read(s)
}

// read takes in the statistics of numbers.
func (f *sageMakerNumbers) read(s *sighting) (leave string, err error) {
	if f.Distribution.KLL == nil || f.Distribution.KLL.Sketch == nil {
		return "has no sketch of its distribution", nil
	}
	sketch := f.Distribution.KLL.Sketch
	items, err := levels(sketch.Data)
	if err != nil {
		return "", err
	}
	n := uint64(s.values)
	mean, deviation := float64(f.Mean), float64(f.Deviation)
	items = scale(items, n)
	low, high := float64(f.Low), float64(f.High)
	if !finite(mean, deviation, low, high) || deviation < 0 || low > high ||
		low > items[0].value || high < items[len(items)-1].value {
		return "", errors.New("its mean, std_dev, min or max contradict its sketch")
	}
	s.asNumbers.moments = stat.Moments{N: n, Mean: mean, M2: deviation * deviation * float64(n)}
	s.asNumbers.variance = sketchVariance(len(sketch.Data), sketch.Parameters.K, sketch.Parameters.C, n)
	// What the rules for kinds ask for, as if the values had been seen.
	s.numbers = s.values
	if !slices.ContainsFunc(items, func(item weighted) bool { return item.value != math.Trunc(item.value) }) {
		s.integers = s.values
	}
	for i, item := range items {
		if len(s.distinct) <= fewIntegers {
			s.distinct[uint64(i)] = struct{}{}
		}
		s.asNames.put(strconv.FormatFloat(item.value, 'f', -1, 64), item.weight)
	}
	s.asNumbers.imported = withEnds(items, low, high)
	return "", nil
}

// levels returns the items of a sketch with their weights.
func levels(data [][]float64) ([]weighted, error) {
	if len(data) > mostLevels {
		return nil, fmt.Errorf("its sketch has %d levels", len(data))
	}
	var items []weighted
	for h, level := range data {
		for _, x := range level {
			if len(items) > mostItems>>h {
				return nil, errors.New("its sketch is too large")
			}
			items = append(items, weighted{x + 0, 1 << h})
		}
	}
	if len(items) == 0 {
		return nil, errors.New("its sketch is empty")
	}
	return sortWeighted(items), nil
}

// scale makes weights add up to n: what a sketch threw away at odd levels is spread evenly.
func scale(items []weighted, n uint64) []weighted {
	total := newDistribution(items).n()
	var before, done uint64
	scaled := items[:0]
	for _, item := range items {
		before += item.weight
		high, low := bits.Mul64(before, n)
		upTo, _ := bits.Div64(high, low, total)
		if upTo > done {
			scaled = append(scaled, weighted{item.value, upTo - done})
		}
		done = upTo
	}
	return scaled
}

// sketchVariance bounds the variance of the ranks of a KLL sketch of n values, as sketch.variance does. Level h, of
// capacity k·c^(levels-1-h), has been compacted at most n / (2^h · capacity) times, and each time by a tossed coin
// that changed no rank by more than 2^h.
func sketchVariance(levels int, k, c float64, n uint64) float64 {
	if !(k >= 1) || !(c > 0.5 && c <= 1) {
		k, c = 200, 2./3 // the least that is in use
	}
	var variance float64
	for h := range levels - 1 {
		capacity := max(2, math.Floor(k*math.Pow(c, float64(levels-1-h))))
		variance += math.Ldexp(float64(n), h) / capacity
	}
	return variance
}

func finite(values ...float64) bool {
	for _, x := range values {
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return false
		}
	}
	return true
}

// read takes in the statistics of strings.
func (f *sageMakerStrings) read(s *sighting) (leave string, err error) {
	if f.Distribution.Categorical == nil || len(f.Distribution.Categorical.Buckets) == 0 {
		return "has too many values for its categories to be listed", nil
	}
	s.textual = true
	left := float64(s.values)
	for _, bucket := range f.Distribution.Categorical.Buckets {
		if !whole(bucket.Count) || bucket.Count > left {
			return "", fmt.Errorf("its categories count more than %d values", s.values)
		}
		left -= bucket.Count
		if _, twice := s.asNames.index.findText([]byte(bucket.Value)); twice {
			return "", fmt.Errorf("has category %q twice", bucket.Value)
		}
		s.asNames.put(bucket.Value, uint64(bucket.Count))
		s.length += min(len(bucket.Value), 2*proseLength) * int(bucket.Count)
		if strings.Contains(bucket.Value, " ") {
			s.spaced += int(bucket.Count)
		}
	}
	// The rest is of categories that nobody knows.
	s.asNames.beyondValues = uint64(left)
	for i := range min(max(len(s.asNames.counts), int(min(f.Distinct, maxDistinct))), s.values) {
		s.distinct[uint64(i)] = struct{}{}
	}
	return "", nil
}
