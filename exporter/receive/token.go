package receive

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"
)

// token is the secret that requests must have, kept in a file. It is read again when the file has changed.
type token struct {
	path string

	mu       sync.Mutex
	size     int64
	modified time.Time
	sum      [sha256.Size]byte // of the token
}

// errNoToken is the reason for which nobody can be admitted.
var errNoToken = errors.New("the file is empty")

// newToken reads a token for the first time.
func newToken(path string) (*token, error) {
	t := &token{path: path, size: -1}
	_, err := t.current()
	return t, err
}

// current returns the hash of the token as the file has it now. The error names the file and not what it holds.
func (t *token) current() (sum [sha256.Size]byte, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	info, err := os.Stat(t.path)
	if err != nil {
		return sum, fmt.Errorf("reading a token: %w", err)
	}
	if info.Size() == t.size && info.ModTime().Equal(t.modified) {
		return t.sum, nil
	}
	text, err := os.ReadFile(t.path)
	if err != nil {
		return sum, fmt.Errorf("reading a token: %w", err)
	}
	text = bytes.TrimSpace(text)
	if len(text) == 0 {
		return sum, fmt.Errorf("reading a token from %s: %w", t.path, errNoToken)
	}
	t.size, t.modified, t.sum = info.Size(), info.ModTime(), sha256.Sum256(text)
	return t.sum, nil
}

// admits reports whether a request with this Authorization header may pass. How long that takes tells nothing about the
// token. The error says that nobody can be admitted.
func (t *token) admits(authorization string) (bool, error) {
	want, err := t.current()
	if err != nil {
		return false, err
	}
	scheme, given, _ := strings.Cut(authorization, " ")
	got := sha256.Sum256([]byte(strings.TrimSpace(given)))
	return strings.EqualFold(scheme, "Bearer") && subtle.ConstantTimeCompare(got[:], want[:]) == 1, nil
}
