//go:build unix

package source

import (
	"os"
	"syscall"
)

// inode returns the file's number in its file system. Files that os.SameFile calls the same have the same number.
func inode(info os.FileInfo) uint64 {
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		return uint64(stat.Ino) //nolint:unconvert // it is 32 bits wide on some systems
	}
	return 0
}

// device returns the number of the file's file system.
func device(info os.FileInfo) uint64 {
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		return uint64(stat.Dev) //nolint:unconvert // it is 32 bits wide on some systems
	}
	return 0
}
