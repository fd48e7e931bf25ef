package profile

import (
	"encoding/json"
	"slices"
	"testing"
)

func FuzzList(f *testing.F) {
	for _, seed := range []string{
		"[]", "[ ]", "null", "[1]", " [ 1 , 2.5,\n-3e-7 ] ", "[1e400]", "[-1]", "[1.0]", `["1"]`, "[[1],2]", "{}", "7",
		"[18446744073709551615]", "[18446744073709551616]", "[true]", "[1,2",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		sameAsJSON[float64](t, data)
		sameAsJSON[uint64](t, data)
	})
}

// sameAsJSON compares what a list reads with what encoding/json reads into a slice. That takes null for a number, too.
func sameAsJSON[N float64 | uint64](t *testing.T, data []byte) {
	t.Helper()
	var got list[N]
	var want []N
	var nullable []*N
	err, wantErr := json.Unmarshal(data, &got), json.Unmarshal(data, &want)
	if json.Unmarshal(data, &nullable) == nil && slices.Contains(nullable, nil) {
		if err == nil {
			t.Fatalf("%q is read, though a number is missing", data)
		}
		return
	}
	if (err == nil) != (wantErr == nil) || err == nil && !slices.Equal(got, want) {
		t.Fatalf("%q is %v (%v), want %v (%v)", data, got, err, want, wantErr)
	}
}
