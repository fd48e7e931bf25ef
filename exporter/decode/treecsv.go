package decode

import (
	"bytes"
	"errors"
)

// CSVRow adds the record of comma-separated values (RFC 4180) that begins at a place of the tree's text: a list of Bare
// texts without the blanks around them. It returns the list and the place behind the record and its line end; for a
// blank line the value is of the kind None. The text is overwritten where values have quotes.
func (t *Tree) CSVRow(from, to int) (row Value, end int, err error) {
	b := t.text
	stop := from
	for stop < to && (b[stop] == ' ' || b[stop] == '\t' || b[stop] == '\r') {
		stop++
	}
	if stop == to || b[stop] == '\n' {
		return Value{}, min(stop+1, to), nil
	}
	before := len(t.nodes)
	row = t.Open(List)
	n := 0
	for i := from; ; n++ {
		var cell [2]int
		if cell, i, err = t.csvCell(i, to); err != nil {
			t.nodes = t.nodes[:before]
			if end = bytes.IndexByte(b[from:to], '\n'); end < 0 {
				return Value{}, to, err
			}
			return Value{}, from + end + 1, err
		}
		t.AddText(Bare, cell[0], cell[1])
		if i == to || b[i] == '\n' {
			t.Close(row, n+1)
			return row, min(i+1, to), nil
		}
		i++
	}
}

// csvCell reads a value; it returns where its text is and the place of the comma or line end behind it.
func (t *Tree) csvCell(i, to int) (cell [2]int, end int, err error) {
	b := t.text
	for i < to && (b[i] == ' ' || b[i] == '\t') {
		i++
	}
	if i == to || b[i] != '"' {
		from := i
		for i < to && b[i] != ',' && b[i] != '\n' {
			i++
		}
		last := i
		for last > from && (b[last-1] == ' ' || b[last-1] == '\t' || b[last-1] == '\r') {
			last--
		}
		return [2]int{from, last}, i, nil
	}
	i++
	from, out := i, i
	for ; ; i++ {
		if i == to {
			return cell, to, errors.New("a quote is not closed")
		}
		if b[i] == '"' {
			if i+1 == to || b[i+1] != '"' {
				break
			}
			i++
		}
		b[out] = b[i]
		out++
	}
	i++
	for i < to && (b[i] == ' ' || b[i] == '\t' || b[i] == '\r') {
		i++
	}
	if i < to && b[i] != ',' && b[i] != '\n' {
		return cell, to, errors.New("there is more behind a closing quote")
	}
	return [2]int{from, out}, i, nil
}
