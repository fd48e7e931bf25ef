package state

import (
	"bytes"
	"errors"
	"math"
	"testing"
)

func TestCodecReadsBackWhatItWrote(t *testing.T) {
	long := bytes.Repeat([]byte("0123456789"), 1000)
	var e Encoder
	for range 2 { // The second time with the memory of the first.
		e.Reset()
		e.Uint(math.MaxUint64)
		e.Int(math.MinInt64)
		e.Fixed(1)
		e.Float(math.Copysign(0, -1))
		e.Bool(true)
		e.Bool(false)
		e.String("é")
		e.Bytes(nil)
		e.Shared(long)
		e.Shared([]byte("short"))
	}
	data := bytes.Join(e.Parts(), nil)
	if len(data) != e.Len() {
		t.Errorf("Len is %d, want %d", e.Len(), len(data))
	}
	d := NewDecoder(data)
	if d.Uint() != math.MaxUint64 || d.Int() != math.MinInt64 || d.Fixed() != 1 || !math.Signbit(d.Float()) ||
		!d.Bool() || d.Bool() || d.String() != "é" || len(d.Bytes()) != 0 || !bytes.Equal(d.Bytes(), long) ||
		d.String() != "short" {
		t.Error("values differ from what was written")
	}
	if err := d.End(); err != nil {
		t.Error(err)
	}
}

func TestCodecStopsAtTheFirstError(t *testing.T) {
	tests := map[string]func(d *Decoder){
		"uint":    func(d *Decoder) { d.Uint() },
		"int":     func(d *Decoder) { d.Int() },
		"fixed":   func(d *Decoder) { d.Fixed() },
		"bool":    func(d *Decoder) { d.Bool() },
		"bytes":   func(d *Decoder) { d.Bytes() },
		"count":   func(d *Decoder) { d.Count(1) },
		"caller":  func(d *Decoder) { d.Fail("two and two are %d", 5) },
		"surplus": func(*Decoder) {},
	}
	for name, read := range tests {
		t.Run(name, func(t *testing.T) {
			d := NewDecoder([]byte{0xff})
			read(d)
			if err := d.End(); err == nil {
				t.Fatal("no error")
			}
			first := d.Err()
			d.Fail("another")
			if d.Uint() != 0 || d.Float() != 0 || d.String() != "" || !errors.Is(d.Err(), first) {
				t.Error("values or errors after the first error")
			}
		})
	}
}

func TestCountBoundsAllocations(t *testing.T) {
	var e Encoder
	e.Uint(3)
	e.Fixed(0)
	data := bytes.Join(e.Parts(), nil)
	if n := NewDecoder(data).Count(2); n != 3 {
		t.Errorf("Count(2) is %d, want 3", n)
	}
	if d := NewDecoder(data); d.Count(4) != 0 || d.Err() == nil {
		t.Error("three things of four bytes in eight bytes are no error")
	}
}

func FuzzDecoder(f *testing.F) {
	f.Add([]byte{1, 2, 3}, []byte{0, 1, 2, 3, 4, 5, 6})
	f.Fuzz(func(t *testing.T, data, calls []byte) {
		d := NewDecoder(data)
		for _, c := range calls {
			switch c % 7 {
			case 0:
				d.Uint()
			case 1:
				d.Int()
			case 2:
				d.Fixed()
			case 3:
				d.Bool()
			case 4:
				d.Bytes()
			case 5:
				if n := d.Count(3); n > len(data)/3 {
					t.Errorf("Count(3) is %d of %d bytes", n, len(data))
				}
			default:
				_ = d.String()
			}
		}
	})
}
