//go:build !unix

package source

import "os"

// inode returns 0 where file systems have no cheap number for a file: finding a renamed file then compares it with
// every known one.
func inode(os.FileInfo) uint64 { return 0 }

// device returns 0 where the system has no such numbers.
func device(os.FileInfo) uint64 { return 0 }
