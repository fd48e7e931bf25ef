package profile

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/drift-exporter/drift_exporter/exporter/record"
)

// textColumn builds a text column of these texts.
func textColumn(maxTokens int, texts ...string) Column {
	v := newVocabulary(1024)
	for _, text := range texts {
		v.add([]byte(text))
	}
	return newText("comment", v, maxTokens)
}

func TestTextColumnCountsTokens(t *testing.T) {
	c := textColumn(2, "b a a", "A, b; c!", "", "👍", "d a d", "b")
	if want := []uint64{4, 3, 3, 0}; !slices.Equal(c.Cells, want) || !slices.Equal(c.Bins, want) {
		t.Errorf("the cells are %d and the bins %d, want %d", c.Cells, c.Bins, want)
	}
	if want := []uint64{hashOf("a"), hashOf("b")}; !slices.Equal(c.Text.Tokens, want) {
		t.Errorf("the tokens are %x, want %x", c.Text.Tokens, want)
	}
	if len(c.Text.Rare) != 2 || c.Text.Texts != 6 || c.Text.Forgotten != 0 {
		t.Errorf("there are %d rare tokens in %d texts, %d forgotten", len(c.Text.Rare), c.Text.Texts, c.Text.Forgotten)
	}
	if c.Text.Lone != 3 { // c, and d twice
		t.Errorf("tokens in a single text occur %d times, want 3", c.Text.Lone)
	}
	length := c.Text.Length
	if length.Name != "comment_tokens" || length.Kind != record.Numeric || total(length.Cells) != 6 ||
		length.Moments.N != 6 || length.Moments.Mean != 10.0/6 {
		t.Errorf("the length is %+v", length)
	}
	counts := make([]uint32, 4)
	if n := c.CountTokens([]byte("a B c, d: new NEW"), counts); n != 6 || !slices.Equal(counts, []uint32{1, 1, 2, 2}) {
		t.Errorf("%d tokens are counted as %d", n, counts)
	}
}

func TestTextColumnWithoutTokens(t *testing.T) {
	c := textColumn(8, "", "👍 👍", "...")
	if !slices.Equal(c.Cells, []uint64{0, 0}) || c.Text.Length.Moments.Mean != 0 {
		t.Errorf("the cells are %d and the mean length %g", c.Cells, c.Text.Length.Moments.Mean)
	}
	counts := make([]uint32, 2)
	if n := c.CountTokens([]byte("a b"), counts); n != 2 || !slices.Equal(counts, []uint32{0, 2}) {
		t.Errorf("%d tokens are counted as %d, want 2 unseen ones", n, counts)
	}
}

func TestTextColumnOfManyTokensIsBounded(t *testing.T) {
	const distinct = 100_000
	v := newVocabulary(1024)
	v.limit = 20_000
	var tokens uint64
	for i := range distinct {
		v.add(fmt.Appendf(nil, "common token%d often%d", i, i%100))
		tokens += 3
		if len(v.entries) > v.limit || len(v.index) > v.limit {
			t.Fatalf("after %d texts %d tokens are remembered", i, len(v.entries))
		}
	}
	c := newText("comment", v, 1000)
	if total(c.Cells) != tokens {
		t.Errorf("%d tokens are counted, want %d", total(c.Cells), tokens)
	}
	if c.Text.Tokens[0] != hashOf("common") || c.Cells[0] != distinct {
		t.Errorf("the most frequent token occurs %d times, want %d", c.Cells[0], distinct)
	}
	for i := 1; i <= 100; i++ {
		if c.Cells[i] != distinct/100 {
			t.Errorf("token %d occurs %d times, want %d", i, c.Cells[i], distinct/100)
		}
	}
	if len(c.Text.Tokens) > 1000 || len(c.Text.Tokens)+len(c.Text.Rare) > v.limit || c.Text.Forgotten < distinct-20_000 {
		t.Errorf("there are %d tokens and %d rare ones, %d occurrences were forgotten",
			len(c.Text.Tokens), len(c.Text.Rare), c.Text.Forgotten)
	}
	if c.Text.Lone != distinct {
		t.Errorf("tokens in a single text occur %d times, want %d", c.Text.Lone, distinct)
	}
	if what := c.Text.describe(); !strings.Contains(what, "not remembered") {
		t.Errorf("the description hides that tokens were forgotten: %s", what)
	}
}

func TestAllDistinctTokensOfALargeReferenceAreToldApart(t *testing.T) {
	v := newVocabulary(1024)
	for i := range 100_000 {
		v.add(fmt.Appendf(nil, "w%d", i))
	}
	if c := newText("comment", v, 65536); len(c.Text.Tokens)+len(c.Text.Rare) != 100_000 || c.Text.Forgotten != 0 {
		t.Errorf("%d tokens are known and %d forgotten, want 100000 and none",
			len(c.Text.Tokens)+len(c.Text.Rare), c.Text.Forgotten)
	}
}

func TestTextSampleIsBoundedAndEven(t *testing.T) {
	v := newVocabulary(1024)
	const texts = 100_000
	for i := range texts {
		v.add(fmt.Appendf(nil, "t%d", i/(texts/10)))
	}
	sample := v.sample.numbered(v.index)
	if len(sample) > maxSampledTexts || len(sample) < maxSampledTexts/3 {
		t.Fatalf("the sample holds %d texts", len(sample))
	}
	tenths := make(map[uint32]int)
	for _, text := range sample {
		tenths[text[0]]++
	}
	for tenth, n := range tenths {
		if share := float64(n) / float64(len(sample)); share < 0.08 || share > 0.12 {
			t.Errorf("the tenth %d of the texts is %.3f of the sample", tenth, share)
		}
	}
	long := []byte(strings.Repeat("word ", maxSampledTokens))
	for range 2 * texts / maxSampledTexts { // with one of so many texts sampled, some of these are
		v.add(long)
	}
	if len(v.sample.tokens) > maxSampledTokens {
		t.Errorf("the sample holds %d tokens", len(v.sample.tokens))
	}
}

func TestNameOfALengthMustBeFree(t *testing.T) {
	header := "comment,comment_tokens,prediction\n"
	rows := strings.Repeat("some words,3,yes\nother words,4,no\n", 10)
	o := write(t, "r.csv", header+rows)
	o.Columns = map[string]ColumnOptions{"comment": {Kind: record.Text, HasKind: true}}
	if _, err := Build(o); err == nil || !strings.Contains(err.Error(), `"comment_tokens"`) {
		t.Errorf("the error is %v, want one about comment_tokens", err)
	}
	o.Columns["comment_tokens"] = ColumnOptions{Ignore: true}
	p := build(t, o)
	watched := Watched(p.Live())
	if len(p.Live()) != 2 || len(watched) != 3 || watched[2] != p.Columns[0].Text.Length {
		t.Errorf("%d columns are watched, want comment, prediction and the length of comment", len(watched))
	}
	if length := watched[2]; length.Role != Feature || !length.TextLength || length.Rows != 20 {
		t.Errorf("the length is %+v", length)
	}
}
