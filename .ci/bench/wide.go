package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// measureWide prints the memory of 200 columns in three windows, and how long a start with a checkpoint of them takes.
func measureWide(o *options, r *report) error {
	r.heading("200 columns, windows of 1h, 24h and 7d, a week of records")
	// Half a minute from one record to the next fills all panes of a week.
	dir, err := wide{200, 20_000, 30 * time.Second}.make(o)
	if err != nil {
		return err
	}
	for _, c := range []struct {
		k     int
		limit float64
	}{{256, 80}, {1024, 256}} {
		if err := measureWideAt(o, r, dir, c.k, c.limit); err != nil {
			return err
		}
	}
	return nil
}

func measureWideAt(o *options, r *report, dir string, k int, limit float64) error {
	profile := filepath.Join(dir, fmt.Sprintf("k%d.profile.json.gz", k))
	config := filepath.Join(dir, fmt.Sprintf("k%d.yaml", k))
	state := filepath.Join(dir, fmt.Sprintf("state-%d", k))
	write := func(reference string) error {
		return os.WriteFile(config, fmt.Appendf(nil, "state: {path: %s}\nmodels:\n- {name: wide, cut_points: %d, "+
			"reference: {path: %s}, predictions: {path: predictions.csv}}\n", state, k, reference), 0o666)
	}
	if err := os.RemoveAll(state); err != nil {
		return err
	}
	if err := write("reference.csv"); err != nil {
		return err
	}
	if _, err := measure(exec.Command(o.exporter, "profile", "--config.file="+config, "--output="+profile)); err != nil {
		return err
	}
	if err := write(profile); err != nil {
		return err
	}
	s, err := o.serve(config)
	if err != nil {
		return err
	}
	if err := s.await(time.Minute); err != nil {
		return err
	}
	want, err := s.firstCorrect("")
	if err != nil {
		return err
	}
	if resident, most := s.memory(); most > 0 {
		r.figure(fmt.Sprintf("K=%d, resident memory", k), resident, "MiB", atMost(limit))
		r.figure(fmt.Sprintf("K=%d, the most since the start", k), most, "MiB", nil)
	} else {
		r.note("K=%d: the system does not tell the memory of a process", k)
	}
	if err := s.stop(); err != nil {
		return err
	}
	var took []float64
	for range max(5, o.rounds) {
		s, err := o.serve(config)
		if err != nil {
			return err
		}
		if _, err := s.firstCorrect(want); err != nil {
			return err
		}
		took = append(took, time.Since(s.started).Seconds()*1e3)
		if err := s.stop(); err != nil {
			return err
		}
	}
	f := atMost(200)
	if k != 256 {
		f = nil
	}
	r.figure(fmt.Sprintf("K=%d, start with a checkpoint to the first correct scrape", k), median(took), "ms", f)
	return nil
}

// firstCorrect scrapes until scores are served, and returns all of them: those that are wanted, if any are.
func (s *server) firstCorrect(want string) (string, error) {
	for begun := time.Now(); time.Since(begun) < time.Minute; {
		body, _, _, err := s.get("/metrics")
		if err != nil {
			return "", err
		}
		var scores strings.Builder
		for line := range strings.Lines(body) {
			if strings.HasPrefix(line, "drift_score{") || strings.HasPrefix(line, "drift_window_predictions{") {
				scores.WriteString(line)
			}
		}
		if got := scores.String(); got != "" && (want == "" || got == want) {
			return got, nil
		}
		time.Sleep(5 * time.Millisecond) // reading the metrics takes time from what is measured
	}
	return "", fmt.Errorf("the exporter did not serve the scores of before within a minute")
}
