package decode

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/drift-exporter/drift_exporter/exporter/record"
)

// numeric, categorical and prose are schema columns whose path is the name divided at its dots.
func numeric(name string) record.Field     { return csvField(name, record.Numeric) }
func categorical(name string) record.Field { return csvField(name, record.Categorical) }
func prose(name string) record.Field       { return csvField(name, record.Text) }

func csvField(name string, kind record.Kind) record.Field {
	return record.Field{Name: name, Path: strings.Split(name, "."), Kind: kind}
}

// csvSchema wants columns and no id, time or version, with the product's default texts for missing values.
func csvSchema(columns ...record.Field) *record.Schema {
	return &record.Schema{Columns: columns, Missing: []string{"", "NA", "N/A", "NaN", "null", "NULL", "None"}}
}

// csvDecode decodes data with a new decoder into a new batch.
func csvDecode(s *record.Schema, header, data string) *record.Batch {
	b := new(record.Batch)
	NewCSV(s, 1).Decode([]byte(header), []byte(data), b)
	return b
}

// csvStrings are the values of a column of strings: "<absent>" and "<wrong>" for the marks.
func csvStrings(b *record.Batch, spans []record.Span) []string {
	var texts []string
	for _, s := range spans {
		switch s {
		case record.Absent:
			texts = append(texts, "<absent>")
		case record.Wrong:
			texts = append(texts, "<wrong>")
		default:
			texts = append(texts, b.String(s))
		}
	}
	return texts
}

// csvColumn writes the values of a column out, separated by |; wrong numbers are "wrong", missing values "-".
func csvColumn(b *record.Batch, k int) string {
	c := b.Columns[k]
	var texts []string
	for row, x := range c.Numbers {
		text := strconv.FormatFloat(x, 'g', -1, 64)
		if math.IsNaN(x) {
			text = "-"
		}
		for _, w := range c.Wrong {
			if int(w) == row {
				text = "wrong"
			}
		}
		texts = append(texts, text)
	}
	for _, text := range csvStrings(b, c.Spans) {
		texts = append(texts, strings.Replace(text, "<absent>", "-", 1))
	}
	return strings.Join(texts, "|")
}

func TestCSVReadsValuesByTheKindOfTheirColumn(t *testing.T) {
	for _, test := range []struct {
		name   string
		column record.Field
		data   string
		want   string
	}{
		{"numbers", numeric("x"), "1,\n-2.5,\n+3e2,\n.5,\n007,\n", "1|-2.5|300|0.5|7"},
		{"numbers with spaces around", numeric("x"), " 1,\n2\t,\n", "1|2"},
		{"quoted numbers", numeric("x"), "\"1\",\n\" 2.5 \",\n", "1|2.5"},
		{
			"numbers that are missing", numeric("x"),
			",\nNA,\n null ,\nNaN,\n-inf,\nInfinity,\n1e999,\n\"\",\n", "-|-|-|-|-|-|-|-",
		},
		{
			"texts where numbers should be", numeric("x"), "abc,\n\"1,5\",\n0x10,\n1_0,\n1 2,\nna,\n7,\n",
			"wrong|wrong|wrong|wrong|wrong|wrong|7",
		},
		{"categories", categorical("x"), "gold,\n1,\n1.0,\n Gold ,\n", "gold|1|1.0| Gold "},
		{"categories that are missing", categorical("x"), ",\nNA,\n None ,\n\"\",\nnA,\ninf,\n", "-|-|-|-|nA|inf"},
		{
			"quoted categories", categorical("x"), "\"a,b\",\n\"say \"\"hi\"\"\",\n\"two\nlines\",\n\"\"\"\",\n",
			"a,b|say \"hi\"|two\nlines|\"",
		},
		{"prose", prose("x"), "it was late,\n\"wait, what?\",\n,\n", "it was late|wait, what?|-"},
		{"bytes that are not UTF-8", categorical("x"), "\xff\x00,\nü,\n", "\xff\x00|ü"},
	} {
		b := csvDecode(csvSchema(test.column), "x,y\n", test.data)
		if got := csvColumn(b, 0); got != test.want {
			t.Errorf("%s: got %q, want %q", test.name, got, test.want)
		}
		if len(b.Rejects) != 0 || b.Rows != strings.Count(test.want, "|")+1 {
			t.Errorf("%s: %d rows, rejects %v", test.name, b.Rows, b.Rejects)
		}
	}
}

func TestCSVTakesOnlyTheSchemasTextsForMissing(t *testing.T) {
	s := &record.Schema{Columns: []record.Field{numeric("x"), categorical("y")}, Missing: []string{"-999", " ? "}}
	b := csvDecode(s, "x,y", "-999,?\n,\nNA,NA\n-99,-999\n")
	if got, want := csvColumn(b, 0), "-|wrong|wrong|-99"; got != want {
		t.Errorf("numbers: got %q, want %q", got, want)
	}
	if got, want := csvColumn(b, 1), "-||NA|-"; got != want {
		t.Errorf("categories: got %q, want %q", got, want)
	}
}

func TestCSVMatchesPathsToTheHeader(t *testing.T) {
	for _, test := range []struct{ name, header, path, want string }{
		{"a plain name", "a,b,c", "b", "2"},
		{"a dotted name", "x.a,x.b,b", "x.b", "2"},
		{"the exact name before the last element", "b,x.b,c", "x.b", "2"},
		{"the last element", "a,b,c", "x.y.b", "2"},
		{"the first of two columns of one name", "a,b,b", "b", "2"},
		{"a name that the header lacks", "a,b,c", "d", "-"},
		{"no part of a name", "a,bb,c", "b", "-"},
		{"another case", "a,B,c", "b", "-"},
		{"a byte order mark", "\ufeffb,a,c", "b", "1"},
		{"a byte order mark and quotes", "\ufeff\"b\",a,c", "b", "1"},
		{"CRLF", "a,c,b\r\n", "b", "3"},
		{"LF", "a,c,b\n", "b", "3"},
		{"quoted names", "\"a,b\",\"b\",c", "b", "2"},
		{"spaces around names", "a, b ,c", "b", "2"},
	} {
		b := csvDecode(csvSchema(numeric(test.path)), test.header, "1,2,3\n")
		if got := csvColumn(b, 0); got != test.want || b.Rows != 1 {
			t.Errorf("%s: got %q, want %q", test.name, got, test.want)
		}
	}
}

func TestCSVFollowsAChangeOfTheHeader(t *testing.T) {
	d, b := NewCSV(csvSchema(numeric("x"), categorical("y")), 1), new(record.Batch)
	for _, header := range []string{"x,y\n", "y,x\n", "y,z,x\n", "x,y\n"} {
		row := strings.NewReplacer("x", "1", "y", "a", "z", "?").Replace(header)
		d.Decode([]byte(header), []byte(row), b)
		if csvColumn(b, 0) != "1" || csvColumn(b, 1) != "a" || b.Rows != 1 {
			t.Errorf("header %q: x is %q, y is %q", header, csvColumn(b, 0), csvColumn(b, 1))
		}
	}
}

func TestCSVReadsIDsTimesAndVersions(t *testing.T) {
	s := csvSchema(numeric("x"))
	s.ID, s.Time, s.Version = []string{"id"}, []string{"meta", "ts"}, []string{"release"}
	b := csvDecode(s, "id,ts,release,x\n",
		"17,2026-03-14T09:26:53Z,2.0,1\n\"a,b\", 2026-03-14 09:26:53.5 ,\"\",2\n,1700000000,NA,3\nNA,1700000000123,v 1,4\n")
	at := utc(t, "2026-03-14 09:26:53")
	if want := []int64{at, at + 5e8, 1700000000e9, 1700000000123e6}; !reflect.DeepEqual(b.Times, want) {
		t.Errorf("times %v, want %v", b.Times, want)
	}
	if want := []uint64{hashID(1, []byte("17")), hashID(1, []byte("a,b")), 0, 0}; !reflect.DeepEqual(b.IDs, want) {
		t.Errorf("ids %v, want %v", b.IDs, want)
	}
	if want := []string{"2.0", "<absent>", "<absent>", "v 1"}; !reflect.DeepEqual(csvStrings(b, b.Versions), want) {
		t.Errorf("versions %q, want %q", csvStrings(b, b.Versions), want)
	}
	if len(b.Rejects) != 0 || b.Rows != 4 || b.Lines != 4 {
		t.Errorf("%d rows of %d lines, rejects %v", b.Rows, b.Lines, b.Rejects)
	}
}

func TestCSVWithoutIDTimeAndVersionLeavesThemEmpty(t *testing.T) {
	b := csvDecode(csvSchema(numeric("x")), "x", "1\n2\n")
	if !reflect.DeepEqual(b.Times, []int64{0, 0}) || !reflect.DeepEqual(b.IDs, []uint64{0, 0}) ||
		!reflect.DeepEqual(b.Versions, []record.Span{record.Absent, record.Absent}) {
		t.Errorf("times %v, ids %v, versions %v", b.Times, b.IDs, b.Versions)
	}
}

func TestCSVRejectsRecordsWithoutATime(t *testing.T) {
	s := csvSchema(numeric("x"))
	s.Time = []string{"meta", "ts"}
	long := strings.Repeat("z", 100)
	b := csvDecode(s, "ts,x", "soon,1\n1700000000,2\n,3\n\""+long+"\",4\nNA,5\n")
	want := []record.Reject{
		{Line: 0, Reason: record.NoTime, Detail: `field "meta.ts" is no time: "soon"`},
		{Line: 2, Reason: record.NoTime, Detail: `field "meta.ts" is no time: ""`},
		{Line: 3, Reason: record.NoTime, Detail: `field "meta.ts" is no time: "` + long[:64] + `"`},
		{Line: 4, Reason: record.NoTime, Detail: `field "meta.ts" is no time: "NA"`},
	}
	if !reflect.DeepEqual(b.Rejects, want) {
		t.Errorf("rejects\n%v, want\n%v", b.Rejects, want)
	}
	if got := csvColumn(b, 0); got != "2" || b.Rows != 1 || len(b.IDs) != 1 || len(b.Versions) != 1 {
		t.Errorf("kept %q in %d rows, want only 2", got, b.Rows)
	}
	b = csvDecode(s, "x", "1\n")
	if want := `field "meta.ts" is not in the header`; b.Rows != 0 || len(b.Rejects) != 1 || b.Rejects[0].Detail != want {
		t.Errorf("without the column: %d rows, rejects %v, want %q", b.Rows, b.Rejects, want)
	}
}

func TestCSVKeepsOnlyRecordsThatMeetAllConditions(t *testing.T) {
	s := csvSchema(numeric("x"))
	s.Time = []string{"ts"}
	s.Where = []record.Condition{{Path: []string{"model"}, Value: "churn"}, {Path: []string{"a", "env"}, Value: ""}}
	b := csvDecode(s, "model,env,x,ts\n",
		"churn,,1,1\nfraud,,2,no time\nchurn,test,3,3\n\"churn\",\"\",4,4\nchurn ,,5,5\n")
	if got := csvColumn(b, 0); got != "1|4" || b.Skipped != 3 || len(b.Rejects) != 0 {
		t.Errorf("kept %q, skipped %d, rejects %v, want 1|4, 3, none", got, b.Skipped, b.Rejects)
	}
	b = csvDecode(s, "model,x,ts\n", "churn,1,1\n")
	if b.Rows != 0 || b.Skipped != 1 {
		t.Errorf("without a column of a condition: %d rows, %d skipped, want 0, 1", b.Rows, b.Skipped)
	}
}

func TestCSVRejectsMalformedRecordsAndGoesOn(t *testing.T) {
	const fields, bare, trailing, unclosed = "record of %d fields under a header of 2", csvBare, csvTrailing, csvUnclosed
	for _, test := range []struct {
		name, data string
		rows       string // the values of the first column
		lines      []int  // the lines of the rejects
		detail     string // of the first reject
	}{
		{"too few fields", "1,a\n2\n3,c\n", "1|3", []int{1}, fmt.Sprintf(fields, 1)},
		{"too many fields", "1,a\n2,b,c,d,e,f,g,h,i,j\n3,c\n", "1|3", []int{1}, fmt.Sprintf(fields, 10)},
		{"too many fields with quotes", "\"2\",b,\"c\",d\n3,c\n", "3", []int{0}, fmt.Sprintf(fields, 4)},
		{"only spaces", "  \n3,c\n", "3", []int{0}, fmt.Sprintf(fields, 1)},
		{"a bare quote", "1,a\n2,5\" pipe\n3,c\n", "1|3", []int{1}, bare},
		{"a quote behind a space", "1, \"a\"\n3,c\n", "3", []int{0}, bare},
		{"text behind a closing quote", "\"2\"x,b\n3,c\n", "3", []int{0}, trailing},
		{"a space behind a closing quote", "\"2\" ,b\n3,c\n", "3", []int{0}, trailing},
		{"a malformed record that spans lines", "2,x\"y\n3,c\n4\"5,\"d\ne\"\n6,f\n", "3|6", []int{0, 2}, bare},
		{"an open quote costs only its line", "1,a\n2,\"b\n3,c\n4,d\n", "1|3|4", []int{1}, unclosed},
		{"two open quotes cost two lines", "1,\"a\na\"\n2,\"b\n3,x\"y,\"\n4,d\n", "1|4", []int{2, 3}, unclosed},
		{
			"lines count through blank lines and quoted line ends", "\n1,\"a\n\n\"\r\n\r\n2\n3,c\n", "1|3",
			[]int{5},
			fmt.Sprintf(fields, 1),
		},
	} {
		b := csvDecode(csvSchema(numeric("x")), "x,y", test.data)
		if got := csvColumn(b, 0); got != test.rows || b.Lines != strings.Count(test.data, "\n") {
			t.Errorf("%s: got %q of %d lines, want %q", test.name, got, b.Lines, test.rows)
		}
		var lines []int
		for _, r := range b.Rejects {
			if lines = append(lines, r.Line); r.Reason != record.Malformed {
				t.Errorf("%s: reason %q", test.name, r.Reason)
			}
		}
		if !reflect.DeepEqual(lines, test.lines) || b.Rejects[0].Detail != test.detail {
			t.Errorf("%s: rejects %v, want lines %v and first %q", test.name, b.Rejects, test.lines, test.detail)
		}
	}
}

func TestCSVTakesLinearTimeForOpenQuotes(t *testing.T) {
	const lines = 200_000 // If every line were searched to the end of the data, this would take minutes.
	b := csvDecode(csvSchema(numeric("x")), "x,y", strings.Repeat("1\"2,\"\n", lines)+"7,8\n")
	if b.Rows != 1 || len(b.Rejects) != lines {
		t.Errorf("%d rows, %d rejects, want 1, %d", b.Rows, len(b.Rejects), lines)
	}
}

func TestCSVReadsAllLineEnds(t *testing.T) {
	for _, test := range []struct{ name, data, want string }{
		{"LF", "1,a\n2,b\n", "a|b"},
		{"CRLF", "1,a\r\n2,b\r\n", "a|b"},
		{"a CR at the very end", "1,a\n2,b\r", "a|b"},
		{"CRLF behind quotes", "1,\"a\"\r\n2,\"b\"\r\n", "a|b"},
		{"CR behind quotes at the very end", "1,\"a\"\r", "a"},
		{"no line end at the end", "1,a\n2,b", "a|b"},
		{"no line end behind quotes", "1,\"a\"", "a"},
		{"an empty last field", "1,\n2,", "-|-"},
		{"blank lines", "\n\n1,a\n\r\n2,b\n\n", "a|b"},
		{"a CR inside of a field", "1,a\rb\n", "a\rb"},
		{"CRLF inside of quotes stays", "1,\"a\r\nb\"\n", "a\r\nb"},
		{"nothing", "", ""},
		{"only a line end", "\n", ""},
	} {
		b := csvDecode(csvSchema(categorical("y")), "x,y", test.data)
		if got := csvColumn(b, 0); got != test.want || len(b.Rejects) != 0 {
			t.Errorf("%s: got %q, want %q; rejects %v", test.name, got, test.want, b.Rejects)
		}
	}
}

func TestCSVReadsTheSameWithAndWithoutPadding(t *testing.T) {
	const text = "1,2\n3,4"
	padded := append([]byte(text), make([]byte, numPadding)...)[:len(text)]
	dirty := append([]byte(text), bytes.Repeat([]byte{'5'}, numPadding)...)[:len(text)]
	bare := []byte(text)[:len(text):len(text)]
	for name, data := range map[string][]byte{"padded": padded, "bare": bare, "dirty": dirty} {
		b := new(record.Batch)
		NewCSV(csvSchema(numeric("y")), 1).Decode([]byte("x,y"), data, b)
		if got := csvColumn(b, 0); got != "2|4" {
			t.Errorf("%s: got %q, want 2|4", name, got)
		}
	}
}

func TestCSVCopiesTextsFromTheFirstQuoteOn(t *testing.T) {
	d, b := NewCSV(csvSchema(categorical("c")), 1), new(record.Batch)
	for _, test := range []struct {
		text, want string
		borrowed   bool
	}{
		{"1,red\n2,green\n", "red|green", true},
		{"1,red\n2,\"gre\"\"en\"\n3,\"a\nb\"\n4,blue\n", "red|gre\"en|a\nb|blue", false},
		{"1,\"red\"\n", "red", false},
		{"1,yellow\n2,red\n", "yellow|red", true},
	} {
		data := append([]byte(test.text), make([]byte, numPadding)...)[:len(test.text)]
		d.Decode([]byte("x,c"), data, b)
		if got := strings.Join(csvStrings(b, b.Columns[0].Spans), "|"); got != test.want || b.Borrowed() != test.borrowed {
			t.Errorf("%q: got %q, borrowed %t; want %q, %t", test.text, got, b.Borrowed(), test.want, test.borrowed)
		}
	}
}

func TestCSVSplitEndsAtTheLastWholeRecord(t *testing.T) {
	for _, test := range []struct{ name, in, whole string }{
		{"nothing", "", ""},
		{"no line end", "1,2", ""},
		{"one record", "1,2\n", "1,2\n"},
		{"a record and a cut one", "1,2\n3,", "1,2\n"},
		{"CRLF", "1,2\r\n3,4\r", "1,2\r\n"},
		{"a line end in quotes", "1,\"a\nb\"\n2,c\n3", "1,\"a\nb\"\n2,c\n"},
		{"a field cut in quotes", "1,a\n2,\"b\nc\n", "1,a\n"},
		{"a record that starts with an open quote", "\"b\nc\n", ""},
		{"two quotes in a field", "1,\"a\"\"\nb\"\n2", "1,\"a\"\"\nb\"\n"},
		{"two quotes that are cut", "1,a\n1,\"a\"", "1,a\n"},
		{"a quote inside of a field opens nothing", "1,5\" pipe\n2,c\n", "1,5\" pipe\n2,c\n"},
		{"a quote behind a closing quote's text opens nothing", "\"1\"x\"\n2,c\n", "\"1\"x\"\n2,c\n"},
		{"an empty quoted field", "1,\"\"\n2,\"\"\n", "1,\"\"\n2,\"\"\n"},
		{"a quote behind a line end", "1,a\n\"2\n\",b\n3,c\n\"", "1,a\n\"2\n\",b\n3,c\n"},
	} {
		if got := test.in[:CSVSplit([]byte(test.in))]; got != test.whole {
			t.Errorf("%s: CSVSplit(%q) ends behind %q, want %q", test.name, test.in, got, test.whole)
		}
	}
}

// FuzzCSV compares with encoding/csv. Where that takes all of the data, records and fields must be the same, but
// encoding/csv turns CRLF inside of quotes into LF. Where it does not, it stops and ours goes on, and there must be at
// least one reject.
func FuzzCSV(f *testing.F) {
	for _, s := range []string{
		"1,a\n2,b\n", "1,\"a\nb\"\r\n\"x\"\"y\",\"\"\n", "1,2\n3\n", "a\"b,c\n", "\"a\"b,c\n", "\"a\n", "\n\r\n1,2\r", ",\n",
		"x\"y,\"\n1,2\n", "abcdefgh,ijklmnop,qrstuvwx\n,,\n",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		r := csv.NewReader(bytes.NewReader(data))
		want, err := r.ReadAll()
		width := 1
		if len(want) > 0 {
			width = len(want[0])
		}
		s := &record.Schema{}
		var names []string
		for k := range width {
			names = append(names, fmt.Sprint("c", k))
			s.Columns = append(s.Columns, prose(names[k]))
		}
		b := csvDecode(s, strings.Join(names, ","), string(data))
		if b.Lines != bytes.Count(data, []byte("\n")) {
			t.Fatalf("%q: %d lines", data, b.Lines)
		}
		checkCSVSplit(t, s, names, data)
		if err != nil {
			if len(b.Rejects) == 0 && r.FieldsPerRecord >= 0 && len(want) > 0 {
				t.Fatalf("%q: no rejects, encoding/csv has %v", data, err)
			}
			return
		}
		if b.Rows != len(want) || len(b.Rejects) != 0 {
			t.Fatalf("%q: %d rows, rejects %v, encoding/csv has %d", data, b.Rows, b.Rejects, len(want))
		}
		for k := range width {
			for row, text := range csvStrings(b, b.Columns[k].Spans) {
				if got := strings.ReplaceAll(text, "\r\n", "\n"); got != want[row][k] {
					t.Fatalf("%q: field %d of record %d is %q, encoding/csv has %q", data, k, row, got, want[row][k])
				}
			}
		}
	})
}

// What stands in the memory behind data is no part of it, and nothing is read behind that.
func TestCSVDoesNotReadOn(t *testing.T) {
	header := []byte("x,y,n\n")
	for _, text := range []string{"1,", "1,2", "1,2,", "1,2,3", "1,2,3\n"} {
		var want, got record.Batch
		NewCSV(csvSchema(numeric("n")), 1).Decode(header, []byte(text), &want)
		for n := range 70 {
			behind := "\x00" + strings.Repeat("z", n) + "," + strings.Repeat("7", 80)
			NewCSV(csvSchema(numeric("n")), 1).Decode(header, []byte(text + behind)[:len(text)], &got)
			if got.Rows != want.Rows || !reflect.DeepEqual(got.Rejects, want.Rejects) || csvColumn(&got, 0) != csvColumn(&want, 0) {
				t.Errorf("%q before %q: %d rows, rejects %v, want %d, %v", text, behind, got.Rows, got.Rejects, want.Rows, want.Rejects)
			}
		}
	}
}

// FuzzCSVQuickly compares the quick way through records with the other one.
func FuzzCSVQuickly(f *testing.F) {
	for _, s := range []string{
		"2026-03-14T09:26:53Z,a1,7.25,red,x\n2026-03-14T09:26:54.5Z,a2,-3e2,,y\r\n",
		"2026-03-14 09:26:53,, 7 ,NA,None\n1773480413,a,null,nul,Nile\n2026-03-14T09:26:53Z,a,7,red\n",
		"2026-03-14T09:26:53Z,a,07,r\red,x,\nyesterday,a,1,b,c\n\n,,,,\n2026-03-14T09:26:53Z,a,inf,red,1e999",
		"2026-03-14T09:26:53Z,\"a,\n1\",7x,\"re\"\"d\",x\n 2026-03-14T09:26:53Z ,a,,\t,\r\n2026-03-14T09:26:53Z,a,1,b,c\"\n",
	} {
		f.Add([]byte(s), uint8(0))
		f.Add([]byte(s), uint8(1))
		f.Add([]byte(s), uint8(6))
		f.Add([]byte(s), uint8(8))
	}
	f.Fuzz(func(t *testing.T, data []byte, shape uint8) {
		s := csvSchema(numeric("n"), categorical("c"), numeric("gone"), prose("none"))
		if shape/6%2 == 1 {
			s.Columns = slices.Insert(s.Columns, 1, prose("n"))
			s.Columns = append(s.Columns, numeric("gone"), prose("gone"))
		}
		s.ID, s.Time, s.Version = []string{"id"}, []string{"ts"}, []string{"v"}
		header := []byte("ts,id,n,c,v\n")
		switch shape % 3 {
		case 1:
			header = []byte("ts,id,unknown,v,n\n")
		case 2:
			s.ID, s.Time, s.Version, s.Missing = nil, nil, nil, []string{"-1", "none"}
		}
		quick, careful := NewCSV(s, 1), NewCSV(s, 1)
		careful.setHeader(header)
		careful.uses = nil
		padded := append(bytes.Clone(data), make([]byte, numPadding)...)[:len(data)]
		var got, want record.Batch
		for range 2 { // the second time with the memory of the first one
			quick.Decode(header, padded, &got)
			careful.Decode(header, data, &want)
		}
		if quick.uses == nil {
			t.Fatal("the quick way is not taken")
		}
		for k, c := range got.Columns {
			if len(c.Numbers) != len(want.Columns[k].Numbers) || len(c.Spans) != len(want.Columns[k].Spans) {
				t.Fatalf("%q: column %d has another length", data, k)
			}
			if a, b := csvColumn(&got, k), csvColumn(&want, k); a != b || c.Lacking != want.Columns[k].Lacking {
				t.Fatalf("%q: column %d is %s, want %s", data, k, a, b)
			}
		}
		a, b := csvStrings(&got, got.Versions), csvStrings(&want, want.Versions)
		if got.Rows != want.Rows || !slices.Equal(a, b) || !slices.Equal(got.IDs, want.IDs) ||
			!slices.Equal(got.Times, want.Times) || !slices.Equal(got.RowLines, want.RowLines) ||
			!reflect.DeepEqual(got.Rejects, want.Rejects) && len(got.Rejects)+len(want.Rejects) > 0 {
			t.Fatalf("%q: versions %q, ids %d, times %d, lines %d, rejects %v; want %q, %d, %d, %d, %v", data, a, got.IDs,
				got.Times, got.RowLines, got.Rejects, b, want.IDs, want.Times, want.RowLines, want.Rejects)
		}
	})
}

// checkCSVSplit checks that data divided by CSVSplit decodes to the same records as all of it.
func checkCSVSplit(t *testing.T, s *record.Schema, names []string, data []byte) {
	t.Helper()
	n := CSVSplit(data)
	if n > 0 && data[n-1] != '\n' {
		t.Fatalf("CSVSplit(%q) = %d, not behind a line end", data, n)
	}
	header := strings.Join(names, ",")
	whole := csvDecode(s, header, string(data[:n]))
	for _, r := range whole.Rejects {
		if r.Detail == csvUnclosed {
			t.Fatalf("CSVSplit(%q) = %d: a quote is open there", data, n)
		}
	}
	all, rest := csvDecode(s, header, string(data)), csvDecode(s, header, string(data[n:]))
	if all.Rows != whole.Rows+rest.Rows || len(all.Rejects) != len(whole.Rejects)+len(rest.Rejects) {
		t.Fatalf("%q: %d rows, but %d and %d when divided at %d", data, all.Rows, whole.Rows, rest.Rows, n)
	}
	if m := CSVSplit(data[:n]); m != n {
		t.Fatalf("CSVSplit(%q) = %d, and of that part %d", data, n, m)
	}
}

// benchCSV is a log of 18 fields as a model server writes it, with its schema.
func benchCSV(records int, quoted bool) (s *record.Schema, header, data []byte) {
	rnd := rand.New(rand.NewPCG(7, 8))
	s = csvSchema()
	s.ID, s.Time, s.Version = []string{"id"}, []string{"ts"}, []string{"version"}
	names := []string{"ts", "id", "model", "version"}
	for k := range 14 {
		field := numeric(fmt.Sprint("features.f", k))
		if k >= 11 {
			field.Kind = record.Categorical
		}
		names = append(names, field.Name)
		s.Columns = append(s.Columns, field)
	}
	var out bytes.Buffer
	for i := range records {
		fmt.Fprintf(&out, "2026-03-14T09:26:%02d.123456Z,%016x%016x,churn,2.0", i%60, rnd.Uint64(), rnd.Uint64())
		for k := range 14 {
			switch {
			case k < 5:
				fmt.Fprint(&out, ",", strconv.FormatFloat(rnd.NormFloat64(), 'g', -1, 64))
			case k < 11:
				fmt.Fprint(&out, ",", rnd.IntN(1000))
			case quoted:
				fmt.Fprintf(&out, ",\"category %d\"", rnd.IntN(10))
			default:
				fmt.Fprint(&out, ",category ", rnd.IntN(10))
			}
		}
		out.WriteByte('\n')
	}
	n := out.Len()
	out.Write(make([]byte, numPadding))
	return s, []byte(strings.Join(names, ",") + "\n"), out.Bytes()[:n]
}

func TestCSVDoesNotAllocateOnceItsBuffersHaveGrown(t *testing.T) {
	for _, quoted := range []bool{false, true} {
		s, header, data := benchCSV(100, quoted)
		d, b := NewCSV(s, 1), new(record.Batch)
		d.Decode(header, data, b)
		if b.Rows != 100 {
			t.Fatalf("%d rows, rejects %v", b.Rows, b.Rejects)
		}
		if n := testing.AllocsPerRun(10, func() { d.Decode(header, data, b) }); n != 0 {
			t.Errorf("quoted %t: %v allocations, want none", quoted, n)
		}
	}
}

// BenchmarkCSV reports the time and memory of one record of 18 fields.
func BenchmarkCSV(b *testing.B) {
	const records = 5000
	for _, quoted := range []bool{false, true} {
		s, header, data := benchCSV(records, quoted)
		b.Run(fmt.Sprintf("quoted=%t", quoted), func(b *testing.B) {
			d, batch := NewCSV(s, 1), new(record.Batch)
			b.ReportAllocs()
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				d.Decode(header, data, batch)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/records, "ns/record")
		})
	}
	_, _, data := benchCSV(records, true)
	b.Run("split", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(len(data)))
		for b.Loop() {
			CSVSplit(data)
		}
	})
}
