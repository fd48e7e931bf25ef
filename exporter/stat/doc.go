// Package stat computes distances, tests, moments and their noise from counts. Counts and moments of a reference and
// of live values go in, numbers come out; there is no I/O, no clock and no state but the cache of Floors.
//
// # Conventions
//
// p is the reference and q the live window; m and n are their sizes. Both are counts over the same bins, so they
// have the same length; anything else is a bug of the caller and panics.
//
// Bins are what the coarse statistics read: unions of cells, or categories. Cells are the fine counts of a numeric
// column. The sorted, distinct cut points c_0 < … < c_{k-1} make 2k+1 cells: cell 2i+1 counts the values equal to
// c_i, cell 2i those strictly between c_{i-1} and c_i, where cell 0 is open below and cell 2k open above.
//
// A second result of false means that the value cannot be computed from what was given. No function returns NaN, an
// infinity or a number that stands for "none".
package stat
