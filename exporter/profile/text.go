package profile

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/drift-exporter/drift_exporter/exporter/record"
	"github.com/drift-exporter/drift_exporter/exporter/stat"
)

const (
	// maxRemembered bounds the distinct tokens of a reference that are known by their hashes.
	maxRemembered = 1 << 20
	// maxSampledTexts and maxSampledTokens bound the sample of texts that noise floors are simulated with.
	maxSampledTexts, maxSampledTokens = 1 << 13, 1 << 20
	// lengthBatch is how many lengths are handed over at a time.
	lengthBatch = 1024
)

// Text is the reference of a text column beside its Cells. Those count tokens: one cell for each of Tokens, then one
// for the other, rarer tokens of the reference and one for tokens that it lacks.
type Text struct {
	// Tokens are hashes of the reference's most frequent tokens, the most frequent first; Rare those of the rest, in
	// ascending order.
	Tokens, Rare []uint64
	// Texts counts the reference's texts, those without a token too.
	Texts uint64
	// Lone counts the occurrences of tokens that stand in only one of the texts. Their share of all is what a further
	// text of the same kind can be expected to have of tokens that the reference lacks: each text has that share of
	// tokens that the others lack.
	Lone uint64
	// Forgotten counts the occurrences of tokens that were not remembered, because there were too many different ones.
	// They are in the cell of the rarer tokens, but a live token of them counts as one that the reference lacks.
	Forgotten uint64
	// Length is the numeric column of the number of tokens in each text.
	Length *Column
	// Noise is what the scores of texts like the reference's are, for several numbers of them.
	Noise []stat.TextNoise

	table *tokenTable
}

// lengthName is the name under which the length of a text column is served.
func lengthName(column string) string { return column + "_tokens" }

// index builds what lookups need from what a profile holds.
func (t *Text) index() {
	t.table = newTokenTable(len(t.Tokens) + len(t.Rare))
	for cell, hash := range t.Tokens {
		t.table.put(hash, cell)
	}
	for _, hash := range t.Rare {
		t.table.put(hash, len(t.Tokens))
	}
}

// CountTokens adds the tokens of a text to the counts of the column's cells and returns how many there are.
func (c *Column) CountTokens(text []byte, counts []uint32) int {
	table, unseen := c.Text.table, c.UnseenCell()
	n := 0
	for at := 0; ; n++ {
		hash, _, end, ok := nextToken(text, at)
		if !ok {
			return n
		}
		counts[table.find(hash, unseen)]++
		at = end
	}
}

// Watched returns columns and behind them the lengths of those that are text.
func Watched(columns []*Column) []*Column {
	all := slices.Clone(columns)
	for _, c := range columns {
		if c.Kind == record.Text {
			all = append(all, c.Text.Length)
		}
	}
	return all
}

// vocabulary collects the texts of a reference.
type vocabulary struct {
	// index finds a token's entry by its hash.
	index   map[uint64]uint32
	entries []token
	// texts counts the texts, and lengths collects the numbers of tokens in them, batch by batch.
	texts   uint64
	lengths *numbers
	batch   record.Column
	// text is the one that is being added.
	text []uint64
	// forgotten counts the occurrences of tokens that forget dropped, lone those of them in a single text.
	forgotten, lone uint64
	// limit bounds the entries; see forget.
	limit  int
	sample textSample
}

// token is what is known of one token.
type token struct {
	hash, count uint64
	// first is the text in which it was found first; shared says that it was found in another one as well.
	first  uint32
	shared bool
}

// newVocabulary returns an empty one; k bounds the cut points of the length.
func newVocabulary(k int) *vocabulary {
	return &vocabulary{
		index: make(map[uint64]uint32), limit: maxRemembered, lengths: &numbers{limit: k},
		sample: textSample{random: rand.New(rand.NewPCG(0x746578, 0))},
	}
}

// add counts the tokens of a text.
func (v *vocabulary) add(text []byte) {
	number := uint32(v.texts)
	v.text = v.text[:0]
	for at := 0; ; {
		hash, _, end, ok := nextToken(text, at)
		if !ok {
			break
		}
		at = end
		v.text = append(v.text, hash)
		i, known := v.index[hash]
		if !known {
			if len(v.entries) == v.limit {
				v.forget()
			}
			i = uint32(len(v.entries))
			v.index[hash] = i
			v.entries = append(v.entries, token{hash: hash, first: number})
		}
		e := &v.entries[i]
		e.count++
		e.shared = e.shared || e.first != number
	}
	v.texts++
	v.batch.Numbers = append(v.batch.Numbers, float64(len(v.text)))
	v.sample.add(v.text)
	if len(v.batch.Numbers) == lengthBatch {
		v.takeLengths()
	}
}

// takeLengths hands the lengths of the last texts over.
func (v *vocabulary) takeLengths() {
	v.lengths.add(&v.batch)
	v.batch.Numbers = v.batch.Numbers[:0]
}

// forget makes room by dropping the rarest tokens: at least a quarter of them.
func (v *vocabulary) forget() {
	counts := make([]uint64, len(v.entries))
	for i := range v.entries {
		counts[i] = v.entries[i].count
	}
	slices.Sort(counts)
	highest := counts[len(counts)/4]
	kept := v.entries[:0]
	clear(v.index)
	for _, e := range v.entries {
		if e.count <= highest {
			v.forgotten += e.count
			if !e.shared {
				v.lone += e.count
			}
			continue
		}
		v.index[e.hash] = uint32(len(kept))
		kept = append(kept, e)
	}
	v.entries = kept
}

// newText builds the column of a vocabulary of at least one text, which is of no use afterwards. maxTokens bounds the
// tokens that are told apart.
func newText(name string, v *vocabulary, maxTokens int) Column {
	slices.SortFunc(v.entries, func(a, b token) int {
		return cmp.Or(cmp.Compare(b.count, a.count), cmp.Compare(a.hash, b.hash))
	})
	kept := min(len(v.entries), maxTokens)
	t := &Text{Texts: v.texts, Lone: v.lone, Forgotten: v.forgotten}
	c := Column{Kind: record.Text, Text: t, Cells: make([]uint64, kept+2)}
	for i, e := range v.entries {
		v.index[e.hash] = uint32(i)
		c.Cells[min(i, kept)] += e.count
		if i < kept {
			t.Tokens = append(t.Tokens, e.hash)
		} else {
			t.Rare = append(t.Rare, e.hash)
		}
		if !e.shared {
			t.Lone += e.count
		}
	}
	c.Cells[kept] += v.forgotten
	c.Bins = c.Cells
	slices.Sort(t.Rare)
	t.index()
	t.Noise = stat.SimulateTexts(v.sample.numbered(v.index), kept)
	v.takeLengths()
	length, _ := v.lengths.column(nil)
	length.nameLength(name)
	t.Length = &length
	return c
}

// nameLength makes the column that of the lengths of a text column.
func (c *Column) nameLength(text string) {
	c.Kind, c.Name, c.Why, c.TextLength = record.Numeric, lengthName(text), "tokens in a text of "+text, true
}

// describe says in a few words what the column holds.
func (t *Text) describe() string {
	what := fmt.Sprintf("%d tokens", len(t.Tokens))
	if len(t.Rare) > 0 {
		what += fmt.Sprintf(" and %d rarer ones as other", len(t.Rare))
	}
	if t.Forgotten > 0 {
		what += fmt.Sprintf(" (%d occurrences of the rarest were not remembered)", t.Forgotten)
	}
	what += fmt.Sprintf(", %.1f a text", t.Length.Moments.Mean)
	if len(t.Noise) == 0 {
		what += ", too few texts for noise floors"
	}
	return what
}

// textSample keeps texts, each with the same probability, which is halved whenever they become too many.
type textSample struct {
	random *rand.Rand
	halved int
	// tokens are those of all texts; ends[i] is where the i-th ends.
	tokens []uint64
	ends   []int
}

func (s *textSample) add(text []uint64) {
	if s.random.Uint64()>>(64-s.halved) != 0 { // a shift by 64 leaves 0
		return
	}
	s.tokens = append(s.tokens, text...)
	s.ends = append(s.ends, len(s.tokens))
	for len(s.ends) > maxSampledTexts || len(s.tokens) > maxSampledTokens {
		s.halve()
	}
}

// halve drops each text with a probability of one half.
func (s *textSample) halve() {
	s.halved++
	tokens, ends := s.tokens[:0], s.ends[:0]
	from := 0
	for _, end := range s.ends {
		text := s.tokens[from:end]
		from = end
		if s.random.Uint64()>>63 == 0 {
			tokens = append(tokens, text...)
			ends = append(ends, len(tokens))
		}
	}
	s.tokens, s.ends = tokens, ends
}

// numbered returns the texts with tokens as numbers: those of index, and for others the numbers behind.
func (s *textSample) numbered(index map[uint64]uint32) [][]uint32 {
	texts := make([][]uint32, len(s.ends))
	from := 0
	for i, end := range s.ends {
		for _, hash := range s.tokens[from:end] {
			number, ok := index[hash]
			if !ok {
				number = uint32(len(index))
				index[hash] = number
			}
			texts[i] = append(texts[i], number)
		}
		from = end
	}
	return texts
}
