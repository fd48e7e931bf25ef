package config

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
)

// problem is one fault of a configuration file, at the place where it can be mended.
type problem struct {
	file string
	// line and column count from 1; column is 0 where only the line is known.
	line, column int
	// text says what the fault is in and what it is.
	text string
}

// Error returns the problem as a compiler would print it.
func (p problem) Error() string {
	if p.column == 0 {
		return fmt.Sprintf("%s:%d: %s", p.file, p.line, p.text)
	}
	return fmt.Sprintf("%s:%d:%d: %s", p.file, p.line, p.column, p.text)
}

// problems gathers the faults of one file.
type problems struct {
	file string
	list []problem
}

func (p *problems) add(line, column int, format string, args ...any) {
	p.list = append(p.list, problem{p.file, line, column, fmt.Sprintf(format, args...)})
}

// err joins the problems in the order of the file, or returns nil if there are none.
func (p *problems) err() error {
	slices.SortStableFunc(p.list, func(a, b problem) int {
		return cmp.Or(cmp.Compare(a.line, b.line), cmp.Compare(a.column, b.column))
	})
	var errs []error
	for _, one := range p.list {
		errs = append(errs, one)
	}
	return errors.Join(errs...)
}
