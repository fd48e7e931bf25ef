package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"
)

// usage is what a process took.
type usage struct {
	wall, cpu float64 // seconds; cpu is user and system
	rss       float64 // the most memory that was resident, MiB
	out       string
}

// measure runs a command to its end.
func measure(cmd *exec.Cmd) (usage, error) {
	var out, problems bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &problems
	begun := time.Now()
	err := cmd.Run()
	if err != nil {
		return usage{}, fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, problems.Bytes())
	}
	u := usage{wall: time.Since(begun).Seconds(), out: out.String()}
	state := cmd.ProcessState
	u.cpu = (state.UserTime() + state.SystemTime()).Seconds()
	if ru, ok := state.SysUsage().(*syscall.Rusage); ok {
		u.rss = float64(ru.Maxrss) / 1024 // Linux has KiB
	}
	return u, nil
}

// once reads the logs of a configuration to their end with the exporter.
func (o *options) once(config string, processors int) (usage, error) {
	cmd := exec.Command(o.exporter, "--once", "--config.file="+config, "--log.level=error")
	cmd.Env = append(os.Environ(), fmt.Sprintf("GOMAXPROCS=%d", processors))
	return measure(cmd)
}

// oncePiped is once on one processor, for a configuration that reads the standard input, which another process writes.
func (o *options) oncePiped(config string, writer *exec.Cmd) (usage, error) {
	cmd := exec.Command(o.exporter, "--once", "--config.file="+config, "--log.level=error")
	cmd.Env = append(os.Environ(), "GOMAXPROCS=1")
	var err error
	if cmd.Stdin, err = writer.StdoutPipe(); err != nil {
		return usage{}, err
	}
	if err := writer.Start(); err != nil {
		return usage{}, err
	}
	u, err := measure(cmd)
	return u, errors.Join(err, writer.Wait())
}

// contender is what is measured in turns with others.
type contender struct {
	name string
	run  func() (usage, error)
	// runs are those that have been measured.
	runs []usage
}

// inTurns runs all contenders one after the other, several times. One that fails is told about and left out.
func inTurns(r *report, rounds int, all []*contender) {
	for range rounds {
		for _, c := range all {
			if c.run == nil {
				continue
			}
			u, err := c.run()
			if err != nil {
				r.note("%s is not compared: %v", c.name, firstLine(err))
				c.run, c.runs = nil, nil
				continue
			}
			c.runs = append(c.runs, u)
		}
	}
}

func firstLine(err error) error {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return errors.New(line)
}

func (c *contender) all(of func(usage) float64) []float64 {
	var all []float64
	for _, u := range c.runs {
		all = append(all, of(u))
	}
	return all
}

func cpu(u usage) float64  { return u.cpu }
func wall(u usage) float64 { return u.wall }

func (c *contender) cpu() float64     { return median(c.all(cpu)) }
func (c *contender) fastest() float64 { return slices.Min(c.all(cpu)) }
func (c *contender) rss() float64     { return median(c.all(func(u usage) float64 { return u.rss })) }

// over is the median of what one contender took over what another one did, round by round: what slows the machine down
// for a while slows both down. It is 0 if there is no round of both.
func over(a, b *contender, of func(usage) float64) float64 {
	var all []float64
	for i := range min(len(a.runs), len(b.runs)) {
		all = append(all, of(a.runs[i])/of(b.runs[i]))
	}
	return median(all)
}
