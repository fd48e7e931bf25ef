package mapping

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// maxStatistics bounds a file of statistics, in bytes.
const maxStatistics = 256 << 20

// ReadNames reads the names of features, in their order, from a statistics.json of SageMaker Model Monitor.
func ReadNames(r io.Reader) ([]string, error) {
	var s struct {
		Features []struct {
			Name string `json:"name"`
		} `json:"features"`
	}
	if err := json.NewDecoder(io.LimitReader(r, maxStatistics)).Decode(&s); err != nil {
		return nil, fmt.Errorf("it is no statistics.json: %w", err)
	}
	if len(s.Features) == 0 {
		return nil, errors.New("it has no features; the statistics.json of a data quality baseline has them")
	}
	var names []string
	for i, f := range s.Features {
		if f.Name == "" {
			return nil, fmt.Errorf("feature %d has no name", i)
		}
		names = append(names, f.Name)
	}
	return names, nil
}
