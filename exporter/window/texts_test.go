package window

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/drift-exporter/drift_exporter/exporter/profile"
	"github.com/drift-exporter/drift_exporter/exporter/record"
)

// textColumns builds the profile of two text columns with a number between them.
func textColumns(t testing.TB) []*profile.Column {
	t.Helper()
	content := []byte("title,x,body\n")
	for i := range 50 {
		content = fmt.Appendf(content, "a b w%d,%d,c c v%d w%d\n", i%7, i, i, i)
	}
	path := filepath.Join(t.TempDir(), "reference.csv")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	text := profile.ColumnOptions{Kind: record.Text, HasKind: true}
	p, err := profile.Build(profile.Options{
		Path: path, Format: "csv", CutPoints: 50, MaxCategories: 10, MaxTokens: 20,
		Columns: map[string]profile.ColumnOptions{"title": text, "body": text},
	})
	if err != nil {
		t.Fatal(err)
	}
	return p.Live()
}

func TestSetCountsTokensAndLengths(t *testing.T) {
	columns := textColumns(t)
	watched := profile.Watched(columns)
	if len(columns) != 3 || len(watched) != 5 || watched[3].Name != "title_tokens" || watched[4].Name != "body_tokens" {
		t.Fatalf("%d columns are watched for %d", len(watched), len(columns))
	}
	r := rand.New(rand.NewPCG(1, 9))
	s := New(columns, testFields[:len(columns)], []time.Duration{time.Hour, 24 * time.Hour}, maxLocated, false)
	want := make([]ColumnView, len(watched))
	for k, c := range watched {
		want[k] = ColumnView{Column: c, Cells: make([]uint64, len(c.Cells))}
	}
	for i := range 3000 {
		b := &record.Batch{Rows: 1, Columns: make([]record.Column, 3)}
		b.Columns[1].Numbers = []float64{float64(i % 60)}
		want[1].Cells[columns[1].Cell(float64(i%60))]++
		want[1].Moments.Add([]float64{float64(i % 60)})
		for _, pair := range [][2]int{{0, 3}, {2, 4}} {
			k, length := pair[0], pair[1]
			span := [2]record.Span{record.Absent, record.Wrong}[i%2]
			switch r.IntN(8) {
			case 0:
				want[k].Missing += uint64(1 - i%2)
				want[k].Invalid += uint64(i % 2)
				want[length].Missing += uint64(1 - i%2)
				want[length].Invalid += uint64(i % 2)
			default:
				text := []byte{}
				for range r.IntN(6) {
					text = fmt.Appendf(text, "%s%d ", []string{"w", "v", "new"}[r.IntN(3)], r.IntN(60))
				}
				text = append(text, " a c c"...)
				span = record.Span{Offset: uint32(len(b.Bytes)), Length: uint32(len(text))}
				b.Bytes = append(b.Bytes, text...)
				counts := make([]uint32, len(columns[k].Cells))
				n := columns[k].CountTokens(text, counts)
				for cell, count := range counts {
					want[k].Cells[cell] += uint64(count)
				}
				want[length].Cells[watched[length].Cell(float64(n))]++
				want[length].Moments.Add([]float64{float64(n)})
			}
			b.Columns[k].Spans = []record.Span{span}
		}
		s.Add(b, []uint32{0}, s.Pane(int64(time.Duration(r.IntN(50))*time.Minute)))
	}
	s.Advance(int64(50 * time.Minute))
	for i := range 2 {
		got := s.View(i)
		for k := range want {
			g, w := &got.Columns[k], &want[k]
			if !slices.Equal(g.Cells, w.Cells) || g.Missing != w.Missing || g.Invalid != w.Invalid ||
				g.Moments.N != w.Moments.N || math.Abs(g.Moments.Mean-w.Moments.Mean) > 1e-9 {
				t.Errorf("column %s has cells %v, %d missing, %d invalid, moments %+v; want %v, %d, %d, %+v",
					w.Name, g.Cells, g.Missing, g.Invalid, g.Moments, w.Cells, w.Missing, w.Invalid, w.Moments)
			}
		}
		if g := &got.Columns[2]; g.Counted() <= got.Records || g.Cells[g.OtherCell()] == 0 || g.Cells[g.UnseenCell()] == 0 {
			t.Errorf("the texts of %d records have the cells %v", got.Records, g.Cells)
		}
	}
	for k := range watched {
		if got := s.Lifetime(k, nil); !slices.Equal(got, want[k].Cells) {
			t.Errorf("column %s got %v in its lifetime, want %v", watched[k].Name, got, want[k].Cells)
		}
	}
}
