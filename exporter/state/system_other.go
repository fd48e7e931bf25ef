//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package state

import "os"

// lockFile does nothing where the system has no locks that end with the process.
func lockFile(*os.File) error { return nil }

// SyncFolder does nothing where a folder cannot be synced.
func SyncFolder(string) error { return nil }
