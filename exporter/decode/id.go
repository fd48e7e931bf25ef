package decode

import (
	"github.com/zeebo/xxh3"

	"github.com/drift-exporter/drift_exporter/exporter/record"
)

// hashID returns the 64-bit hash (XXH3 under the seed) of an id as text, so that 17 and "17" are one id. It is 0 for
// the empty id, which stands for none, and never for another.
func hashID(seed uint64, id []byte) uint64 {
	if len(id) == 0 {
		return 0
	}
	return max(xxh3.HashSeed(id, seed), 1)
}

// hashParts returns the hash of an id that is made of parts: that of all their texts, one behind the other. value gives
// the text of the k-th part's field; without one of them there is no id.
func hashParts(seed uint64, parts []record.IDPart, value func(k int) (text []byte, ok bool)) uint64 {
	var short [128]byte
	id := short[:0]
	for k := range parts {
		id = append(id, parts[k].Text...)
		if len(parts[k].Path) == 0 {
			continue
		}
		text, ok := value(k)
		if !ok || len(text) == 0 {
			return 0
		}
		id = append(id, text...)
	}
	return hashID(seed, id)
}

// HashID is the hash under which decoders keep an id.
func HashID(seed uint64, id []byte) uint64 { return hashID(seed, id) }
