package stat

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// textSource draws texts of some thousand words: each text has a few subjects of its own, and repeats their words, so
// that its tokens depend on each other. Words follow Zipf's law.
type textSource struct {
	random *rand.Rand
	zipf   *rand.Zipf
	mean   float64
}

func newTextSource(seed uint64, mean float64) *textSource {
	r := rand.New(rand.NewPCG(seed, 5))
	return &textSource{r, rand.NewZipf(r, 1.15, 4, 50_000), mean}
}

func (s *textSource) text() []uint32 {
	length := int(s.random.ExpFloat64() * s.mean) // some are empty
	text := make([]uint32, 0, length)
	for i := range length {
		if i > 0 && s.random.IntN(4) == 0 {
			text = append(text, text[s.random.IntN(i)]) // once more
		} else {
			text = append(text, uint32(s.zipf.Uint64()))
		}
	}
	return text
}

func (s *textSource) texts(n int) [][]uint32 {
	texts := make([][]uint32, n)
	for i := range texts {
		texts[i] = s.text()
	}
	return texts
}

// textReference counts texts as a profile does. numbers gives words the numbers that SimulateTexts wants.
type textReference struct {
	numbers map[uint32]uint32
	cells   []uint64 // of kept words, other, unseen
	kept    int
	mean    float64
}

func newTextReference(texts [][]uint32, maxTokens int) *textReference {
	counts := make(map[uint32]int)
	total := 0
	for _, text := range texts {
		total += len(text)
		for _, word := range text {
			counts[word]++
		}
	}
	// Words of Zipf's law are numbered by how frequent they are, so their own order does for that of their counts.
	r := &textReference{numbers: make(map[uint32]uint32), mean: float64(total) / float64(len(texts))}
	for word := range uint32(50_001) {
		if counts[word] > 0 {
			r.numbers[word] = uint32(len(r.numbers))
		}
	}
	r.kept = min(maxTokens, len(r.numbers))
	r.cells = r.count(texts)
	return r
}

func (r *textReference) count(texts [][]uint32) []uint64 {
	cells := make([]uint64, r.kept+2)
	for _, text := range texts {
		for _, word := range text {
			if number, ok := r.numbers[word]; ok {
				cells[min(int(number), r.kept)]++
			} else {
				cells[r.kept+1]++
			}
		}
	}
	return cells
}

func (r *textReference) numbered(texts [][]uint32) [][]uint32 {
	all := make([][]uint32, len(texts))
	for i, text := range texts {
		for _, word := range text {
			all[i] = append(all[i], r.numbers[word])
		}
	}
	return all
}

// exceeded counts how often scores of windows of n further texts exceed the floors.
func (r *textReference) exceeded(source *textSource, floors TextFloors, n, windows int) map[string]int {
	over := make(map[string]int)
	for range windows {
		texts := source.texts(n)
		live := r.count(texts)
		at := floors.At(min(float64(n)*r.mean, float64(sum(live))))
		for _, s := range []struct {
			name    string
			compute func(p, q []uint64) (float64, bool)
			floor   Bound
		}{
			{"psi", PSI, at.PSI},
			{"jensen_shannon", JensenShannon, at.JensenShannon},
			{"hellinger", Hellinger, at.Hellinger},
			{"total_variation", TotalVariation, at.TotalVariation},
			{"chebyshev", Chebyshev, at.Chebyshev},
		} {
			if x, ok := s.compute(r.cells, live); ok && (!s.floor.OK || x > s.floor.Value) {
				over[s.name]++
			}
		}
	}
	return over
}

func TestScoresOfUndriftedTextsStayBelowTheFloors(t *testing.T) {
	for _, c := range []struct {
		texts, sampled, maxTokens int
		mean                      float64
	}{
		{300, 300, 8192, 20},
		{2000, 2000, 8192, 8},
		{1500, 1500, 500, 20}, // most words in the cell "other"
		{4000, 500, 8192, 20}, // floors from a sample
	} {
		t.Run(fmt.Sprintf("%d texts, %d sampled, %d tokens", c.texts, c.sampled, c.maxTokens), func(t *testing.T) {
			t.Parallel()
			const references, windows = 6, 30
			over, all := make(map[string]int), 0
			for seed := range references {
				source := newTextSource(uint64(seed), c.mean)
				texts := source.texts(c.texts)
				r := newTextReference(texts, c.maxTokens)
				floors := NewTextFloors(SimulateTexts(r.numbered(texts[:c.sampled]), r.kept), sum(r.cells))
				for _, n := range []int{30, 100, 1000, 3000} {
					all += windows
					for name, k := range r.exceeded(source, floors, n, windows) {
						over[name] += k
					}
				}
			}
			for name, k := range over {
				// By the floors' definition 0.1% exceed them; the references and the few trials vary.
				if float64(k) > 0.005*float64(all) {
					t.Errorf("%s exceeds its floor in %d of %d windows", name, k, all)
				}
			}
		})
	}
}

func TestFloorsOfTextsSeeOtherTexts(t *testing.T) {
	source := newTextSource(1, 20)
	texts := source.texts(2000)
	r := newTextReference(texts, 8192)
	floors := NewTextFloors(SimulateTexts(r.numbered(texts), r.kept), sum(r.cells))
	// Half of the words are others.
	for n, want := range map[int]bool{10: false, 1000: true, 10_000: true} {
		drifted := source.texts(n)
		for _, text := range drifted {
			for i := range text {
				if source.random.IntN(2) == 0 {
					text[i] = uint32(source.random.IntN(3000))
				}
			}
		}
		live := r.count(drifted)
		score, _ := JensenShannon(r.cells, live)
		if floor := floors.At(float64(n) * r.mean).JensenShannon; (score > floor.Value) != want {
			t.Errorf("of %d texts with drift the score is %g and the floor %g", n, score, floor.Value)
		}
	}
}

// One by one, the tokens of these texts would let scores stay below floors that whole texts exceed nearly always.
func TestFloorsOfSingleTokensAreTooLowForTexts(t *testing.T) {
	source := newTextSource(2, 20)
	texts := source.texts(1000)
	r := newTextReference(texts, 8192)
	var single [][]uint32
	for _, text := range r.numbered(texts) {
		for i := range text {
			single = append(single, text[i:i+1])
		}
	}
	whole := NewTextFloors(SimulateTexts(r.numbered(texts), r.kept), sum(r.cells)).At(200 * r.mean)
	tokens := NewTextFloors(SimulateTexts(single, r.kept), sum(r.cells)).At(200 * r.mean)
	if whole.JensenShannon.Value < 1.02*tokens.JensenShannon.Value || whole.Chebyshev.Value < 1.1*tokens.Chebyshev.Value {
		t.Errorf("the floors of texts are %+v, of their single tokens %+v", whole, tokens)
	}
}

func TestFloorsOfTextsFallWithTheirNumber(t *testing.T) {
	source := newTextSource(3, 20)
	for _, n := range []int{16, 17, 33, 500} {
		texts := source.texts(n)
		r := newTextReference(texts, 8192)
		floors := NewTextFloors(SimulateTexts(r.numbered(texts), r.kept), sum(r.cells))
		before := math.Inf(1)
		for live := 8.0; live < 1e7; live *= 1.7 {
			floor := floors.At(live * r.mean).JensenShannon
			if !floor.OK || floor.Value <= 0 || floor.Value > before*1.02 {
				t.Errorf("with %d texts in the reference the floor of %g is %+v, of fewer it was %g", n, live, floor, before)
			}
			before = floor.Value
		}
	}
}

func TestThereAreNoFloorsForFewTexts(t *testing.T) {
	texts := newTextSource(4, 20).texts(100)
	r := newTextReference(texts, 8192)
	noise := SimulateTexts(r.numbered(texts), r.kept)
	for _, n := range []float64{0, -1, 1, 7.9} {
		if at := NewTextFloors(noise, sum(r.cells)).At(n * r.mean); at != (FloorValues{}) {
			t.Errorf("the floors of %g texts are %+v", n, at)
		}
	}
	for _, few := range [][][]uint32{nil, texts[:1], texts[:15]} {
		if at := NewTextFloors(SimulateTexts(r.numbered(few), r.kept), sum(r.cells)).At(1000); at != (FloorValues{}) {
			t.Errorf("with %d texts in the reference there are floors: %+v", len(few), at)
		}
	}
	empty := make([][]uint32, 100)
	if at := NewTextFloors(SimulateTexts(empty, 0), 0).At(50); at != (FloorValues{}) {
		t.Errorf("without a single token the floors are %+v", at)
	}
}
