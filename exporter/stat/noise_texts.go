package stat

import "math"

const (
	// fewestTexts is the smallest number of texts that noise is simulated for.
	fewestTexts = 8
	// textTrials is how many windows are drawn for each number of texts.
	textTrials = 200
)

// TextNoise is what the scores of token histograms stayed below 99.9% of the time when a window of some texts was
// compared with a reference of others that were drawn from the same ones.
type TextNoise struct {
	// Tokens and Rest are the mean numbers of tokens on the two sides.
	Tokens, Rest                                             float64
	PSI, JensenShannon, Hellinger, TotalVariation, Chebyshev float64
}

// variance is v = 1/Tokens + 1/Rest.
func (t *TextNoise) variance() float64 { return 1/t.Tokens + 1/t.Rest }

// SimulateTexts finds out how much the token histograms of texts of one kind differ, from a sample of a reference's
// texts: each is a list of token numbers, of which those below kept have a cell of their own and the others share one.
//
// The tokens of one text depend on each other: it repeats what it is about. Scores of texts are therefore larger by
// chance than those of as many tokens that were drawn one by one. So windows of whole texts are drawn, without
// replacement, and scored against the texts that are left, where some of their tokens do not occur, just as live texts
// have tokens that the reference lacks. The numbers of texts double from 8 on and end with half of the sample; with
// fewer than 16 texts there is no result.
//
// It takes about a second for a million tokens in the sample and some thousand distinct ones.
func SimulateTexts(texts [][]uint32, kept int) []TextNoise {
	total := make([]uint64, kept)
	for _, text := range texts {
		for _, token := range text {
			for int(token) >= len(total) {
				total = append(total, 0)
			}
			total[token]++
		}
	}
	s := textSimulation{total: total, kept: kept, live: make([]uint64, len(total))}
	var noise []TextNoise
	half := len(texts) / 2
	for n := fewestTexts; n < half; n *= 2 {
		noise = append(noise, s.simulate(texts, n))
	}
	if half >= fewestTexts {
		noise = append(noise, s.simulate(texts, half))
	}
	return noise
}

// textSimulation holds the tokens' counts in all texts and those in the drawn ones, and what is scored.
type textSimulation struct {
	total, live []uint64
	kept        int
	p, q        []uint64
}

func (s *textSimulation) simulate(texts [][]uint32, n int) TextNoise {
	mean := float64(sum(s.total)) / float64(len(texts))
	noise := TextNoise{Tokens: float64(n) * mean, Rest: float64(len(texts)-n) * mean}
	scores := []struct {
		compute func(p, q []uint64) (float64, bool)
		bound   *float64
		drawn   []float64
	}{
		{PSI, &noise.PSI, nil},
		{JensenShannon, &noise.JensenShannon, nil},
		{Hellinger, &noise.Hellinger, nil},
		{TotalVariation, &noise.TotalVariation, nil},
		{Chebyshev, &noise.Chebyshev, nil},
	}
	r := newRandom(5, uint64(n))
	order := make([]int, len(texts))
	for i := range order {
		order[i] = i
	}
	for range textTrials {
		clear(s.live)
		for i := range n {
			j := i + r.IntN(len(order)-i)
			order[i], order[j] = order[j], order[i]
			for _, token := range texts[order[i]] {
				s.live[token]++
			}
		}
		s.cells()
		for i := range scores {
			x, _ := scores[i].compute(s.p, s.q) // 0 where a side has no tokens at all
			scores[i].drawn = append(scores[i].drawn, x)
		}
	}
	for _, score := range scores {
		*score.bound = tailQuantile(score.drawn)
	}
	return noise
}

// cells counts the tokens of the drawn texts and of the rest in the cells of a text column whose reference is the rest.
func (s *textSimulation) cells() {
	s.p, s.q = s.p[:0], s.q[:0]
	var other, otherLive, unseen uint64
	for token, total := range s.total {
		live := s.live[token]
		switch {
		case live == total:
			unseen += live
		case token < s.kept:
			s.p, s.q = append(s.p, total-live), append(s.q, live)
		default:
			other += total - live
			otherLive += live
		}
	}
	s.p, s.q = append(s.p, other, 0), append(s.q, otherLive, unseen)
}

// TextFloors computes noise floors of the token histogram of a text column.
type TextFloors struct {
	noise  []TextNoise
	tokens float64
}

// NewTextFloors returns the floors for a reference of that many tokens, from what was simulated with its texts or with
// a sample of them.
func NewTextFloors(noise []TextNoise, tokens uint64) TextFloors {
	return TextFloors{noise, float64(tokens)}
}

// At returns the floors for a window of n tokens. For texts that are longer than those of the reference, n is what as
// many of these would have: they are repetitive, so it is texts that tell something, and not more than their tokens do.
// There are none for fewer tokens than 8 texts have.
//
// They are those of n tokens of the reference's m against its m − n others, which is a little more noise than against
// all m, and of m/2 against m/2 where n is larger: from there on the floors stay. Between what was simulated they are
// interpolated, on logarithmic scales, as functions of v = 1/n + 1/(m − n). If the simulation had a sample, v may be
// smaller than anything simulated, and the curve is followed with its last slope. Its limit is √v (psi: v), from
// which it differs by the many rare tokens that only ever more texts bring out; it gets steeper as v falls, so what
// is extrapolated is too high rather than too low.
func (f TextFloors) At(n float64) FloorValues {
	var values FloorValues
	n = min(n, f.tokens/2)
	if len(f.noise) == 0 || n <= 0 || n < f.noise[0].Tokens*(1-1e-9) {
		return values
	}
	v := 1/n + 1/(f.tokens-n)
	i := 1
	for i < len(f.noise)-1 && f.noise[i].variance() > v {
		i++
	}
	for _, s := range []struct {
		of    func(*TextNoise) float64
		limit float64 // exponent
		bound *Bound
	}{
		{func(t *TextNoise) float64 { return t.PSI }, 1, &values.PSI},
		{func(t *TextNoise) float64 { return t.JensenShannon }, 0.5, &values.JensenShannon},
		{func(t *TextNoise) float64 { return t.Hellinger }, 0.5, &values.Hellinger},
		{func(t *TextNoise) float64 { return t.TotalVariation }, 0.5, &values.TotalVariation},
		{func(t *TextNoise) float64 { return t.Chebyshev }, 0.5, &values.Chebyshev},
	} {
		*s.bound = Bound{f.follow(v, i, s.limit, s.of), true}
	}
	return values
}

// follow returns the value at v of the power law through the (i-1)-th and the i-th simulated number of texts. Beyond
// the last of them the exponent is that of the last three doublings, which is less left to chance than that of one, but
// a tenth less for what the sample leaves uncertain, and at most the limiting one.
func (f TextFloors) follow(v float64, i int, limit float64, of func(*TextNoise) float64) float64 {
	last := len(f.noise) - 1
	i = min(i, last)
	a, b := &f.noise[max(0, i-1)], &f.noise[i]
	beyond := v < b.variance()
	if beyond {
		a = &f.noise[max(0, last-3)]
	}
	if of(a) <= 0 || of(b) <= 0 || a == b {
		return max(of(a), of(b))
	}
	slope := math.Log(of(a)/of(b)) / math.Log(a.variance()/b.variance())
	if beyond {
		slope = max(0, min(0.9*slope, limit))
	}
	return of(b) * math.Pow(v/b.variance(), slope)
}
