package decode

import "github.com/cespare/xxhash/v2"

// hashID returns the 64-bit hash (XXH64 under the seed) of an id as text, so that 17 and "17" are one id. It is 0 for
// the empty id, which stands for none, and never for another.
func hashID(seed uint64, id []byte) uint64 {
	if len(id) == 0 {
		return 0
	}
	var d xxhash.Digest
	d.ResetWithSeed(seed)
	_, _ = d.Write(id) // A Digest takes everything.
	return max(d.Sum64(), 1)
}
