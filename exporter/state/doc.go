// Package state keeps what an exporter would lose when it ends: in one file that is replaced as a whole, is checked
// before it is believed, and has a predecessor to fall back on. It does not know what it keeps.
package state
