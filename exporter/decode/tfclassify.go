package decode

import (
	"math"
	"strconv"

	"google.golang.org/protobuf/encoding/protowire"
)

// result is what a classification or regression has for a row.
type result struct {
	isNumber bool
	number   float64
	// from and to are where its classes stand among the scores.
	from, to int
}

type classScore struct {
	label []byte
	score float64
}

// readExamples makes records of a ClassifyLog or RegressLog message: of the examples that were asked about, and what
// was answered for each.
func (t *tensorflow) readExamples(log []byte, classify bool, line int) bool {
	request, response, ok := mapEntry(log) // The two have the numbers 1 and 2.
	if !ok {
		return false
	}
	t.examples, t.results, t.scores = t.examples[:0], t.results[:0], t.scores[:0]
	input, ok := t.readSides(request, 1, 2)
	if !ok {
		return false
	}
	answers, ok := t.readSides(response, 2, 1)
	if !ok {
		return false
	}
	context, ok := t.readInput(input)
	if !ok || !t.readResults(answers, classify) {
		return false
	}
	for row := range max(len(t.examples), len(t.results)) {
		t.start()
		if !t.readExample(context) || row < len(t.examples) && !t.readExample(t.examples[row]) {
			return false
		}
		if row < len(t.results) {
			t.setResult(&t.results[row])
		}
		t.finish(line)
	}
	return true
}

// readSides reads the ModelSpec of a request or response, and returns its other field.
func (t *tensorflow) readSides(b []byte, spec, other protowire.Number) (message []byte, ok bool) {
	for len(b) > 0 {
		var w wire
		if w, b, ok = nextWire(b); !ok {
			return nil, false
		}
		switch {
		case w.isBytes(spec):
			if !t.meta.readSpec(w.bytes) {
				return nil, false
			}
		case w.isBytes(other):
			message = w.bytes
		}
	}
	return message, true
}

// readInput collects the examples of an Input message, and returns the one whose features hold for all.
func (t *tensorflow) readInput(b []byte) (context []byte, ok bool) {
	for len(b) > 0 {
		var w wire
		if w, b, ok = nextWire(b); !ok {
			return nil, false
		}
		if w.typ != protowire.BytesType || w.field > 2 {
			continue
		}
		for list := w.bytes; len(list) > 0; {
			if w, list, ok = nextWire(list); !ok {
				return nil, false
			}
			switch {
			case w.isBytes(1):
				t.examples = append(t.examples, w.bytes)
			case w.isBytes(2):
				context = w.bytes
			}
		}
	}
	return context, true
}

// readExample reads an Example message into the record.
func (t *tensorflow) readExample(b []byte) bool {
	for len(b) > 0 {
		var w wire
		var ok bool
		if w, b, ok = nextWire(b); !ok {
			return false
		}
		if w.isBytes(1) && !t.readFeatures(w.bytes) {
			return false
		}
	}
	return true
}

// readResults collects what a ClassificationResult or RegressionResult message has for each row.
func (t *tensorflow) readResults(b []byte, classify bool) bool {
	for len(b) > 0 {
		var w wire
		var ok bool
		if w, b, ok = nextWire(b); !ok {
			return false
		}
		if !w.isBytes(1) {
			continue
		}
		r := result{isNumber: !classify, from: len(t.scores)}
		for row := w.bytes; len(row) > 0; {
			if w, row, ok = nextWire(row); !ok {
				return false
			}
			switch {
			case !classify && w.field == 1 && w.typ == protowire.Fixed32Type:
				r.number = float64(math.Float32frombits(uint32(w.number)))
			case classify && w.isBytes(1):
				if !t.readClass(w.bytes) {
					return false
				}
			}
		}
		r.to = len(t.scores)
		t.results = append(t.results, r)
	}
	return true
}

// readClass collects a Class message.
func (t *tensorflow) readClass(b []byte) bool {
	var c classScore
	for len(b) > 0 {
		var w wire
		var ok bool
		if w, b, ok = nextWire(b); !ok {
			return false
		}
		switch {
		case w.isBytes(1):
			c.label = w.bytes
		case w.field == 2 && w.typ == protowire.Fixed32Type:
			c.score = float64(math.Float32frombits(uint32(w.number)))
		}
	}
	t.scores = append(t.scores, c)
	return true
}

// setResult gives the record what was answered. The class of the highest score is predicted, of equal ones the first. A
// class without a name is known by its number.
func (t *tensorflow) setResult(r *result) {
	if r.isNumber {
		t.set(resultPrediction, &value{form: formFloat, number: r.number})
		return
	}
	classes := t.scores[r.from:r.to]
	best := 0
	for i := range classes {
		c := &classes[i]
		if c.score > classes[best].score {
			best = i
		}
		t.name = append(append(t.name[:0], resultScore...), '_')
		t.name = append(t.name, t.label(classes, i)...)
		t.set(t.name, &value{form: formFloat, number: c.score})
	}
	if len(classes) > 0 {
		t.set(resultPrediction, &value{form: formString, text: t.label(classes, best)})
	}
	if len(classes) == 2 {
		t.set(resultScore, &value{form: formFloat, number: classes[1].score})
	}
}

// label is the name of a class.
func (t *tensorflow) label(classes []classScore, i int) []byte {
	if len(classes[i].label) > 0 {
		return classes[i].label
	}
	return strconv.AppendInt(nil, int64(i), 10)
}

// The names of what classifications and regressions answer.
var (
	resultPrediction = []byte("prediction")
	resultScore      = []byte("score")
)
