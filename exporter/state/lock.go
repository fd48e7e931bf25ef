package state

import (
	"errors"
	"io"
	"os"
	"path/filepath"
)

// lockName is the file by which a folder is locked.
const lockName = "lock"

// ErrInUse says that another process has a folder.
var ErrInUse = errors.New("another exporter uses it")

// Lock takes a folder for this process, until what it returns is closed or the process ends. The error is ErrInUse if
// another process has it. Where the system or the file system knows no locks, nothing is taken.
func Lock(dir string) (io.Closer, error) {
	path := filepath.Join(dir, lockName)
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		file, err = os.Open(path)
	}
	if err != nil {
		return nil, err
	}
	if err := lockFile(file); err != nil {
		_ = file.Close() // nothing was written
		return nil, err
	}
	return file, nil
}
