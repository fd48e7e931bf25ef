package stat

import (
	"encoding/json"
	"os"
	"testing"
)

// TestProportionDifferenceAgreesWithStatsmodels reads cases that say themselves how they were computed. Among them are
// the examples of Newcombe's paper.
func TestProportionDifferenceAgreesWithStatsmodels(t *testing.T) {
	data, err := os.ReadFile("testdata/differences.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Cases []struct {
			Name           string
			X1, N1, X2, N2 uint64
			Difference     float64
			Lower, Upper   float64
			Z, P           *float64
		}
	}
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Cases) != 26 {
		t.Fatalf("read %d cases, want 26", len(file.Cases))
	}
	for _, c := range file.Cases {
		t.Run(c.Name, func(t *testing.T) {
			got, ok := ProportionDifference(c.X1, c.N1, c.X2, c.N2)
			if !ok {
				t.Fatal("absent")
			}
			near(t, "difference", got.Value, c.Difference, 1e-12)
			near(t, "lower end", got.Lower, c.Lower, 1e-11)
			near(t, "upper end", got.Upper, c.Upper, 1e-11)
			test, ok := ProportionZ(c.X1, c.N1, c.X2, c.N2)
			if !ok {
				t.Fatal("the test is absent")
			}
			if c.Z == nil {
				// All trials came out alike, where statsmodels divides by zero.
				near(t, "z", test.Statistic, 0, 0)
				near(t, "P", test.P, 1, 0)
				return
			}
			near(t, "z", test.Statistic, *c.Z, 1e-9)
			nearP(t, "P", test.P, *c.P)
		})
	}
}

func TestProportionDifferenceKeepsItsBounds(t *testing.T) {
	for n1 := uint64(1); n1 < 24; n1++ {
		for n2 := uint64(1); n2 < 24; n2++ {
			for x1 := range n1 + 1 {
				for x2 := range n2 + 1 {
					d, ok := ProportionDifference(x1, n1, x2, n2)
					if !ok || !(-1 <= d.Lower && d.Lower <= d.Value && d.Value <= d.Upper && d.Upper <= 1 && d.Lower < d.Upper) {
						t.Fatalf("%d of %d against %d of %d: %+v, %t", x2, n2, x1, n1, d, ok)
					}
					// Exchanging the sides mirrors it.
					back, _ := ProportionDifference(x2, n2, x1, n1)
					if back != (Difference{-d.Value, -d.Upper, -d.Lower}) {
						t.Fatalf("%d of %d against %d of %d: %+v, exchanged %+v", x2, n2, x1, n1, d, back)
					}
				}
			}
		}
	}
}

func TestProportionDifferenceIsAbsentWithoutTrials(t *testing.T) {
	for _, c := range [][4]uint64{{0, 0, 1, 2}, {1, 2, 0, 0}, {0, 0, 0, 0}, {3, 2, 1, 2}, {1, 2, 3, 2}} {
		d, ok := ProportionDifference(c[0], c[1], c[2], c[3])
		absent(t, "difference", d, ok)
	}
}
