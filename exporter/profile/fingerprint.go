package profile

import (
	"time"

	"github.com/cespare/xxhash/v2"
)

// Fingerprint returns a hash of all that live values are counted in and compared with, but for the name and the time of
// the file that it came from: equal profiles have equal ones.
func (p *Profile) Fingerprint() (uint64, error) {
	same := *p
	same.Path, same.Modified = "", time.Time{}
	data, err := same.encode()
	if err != nil {
		return 0, err
	}
	return xxhash.Sum64(data), nil
}
