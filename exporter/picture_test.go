package exporter

import (
	"fmt"
	"html"
	"math"
	"strings"

	"github.com/drift-exporter/drift_exporter/exporter/metric"
	"github.com/drift-exporter/drift_exporter/exporter/profile"
	"github.com/drift-exporter/drift_exporter/exporter/window"
)

// drawing is an SVG picture with a plot in it. Its colours can be told apart on white and on black; text and lines
// follow the reader's preference.
type drawing struct {
	strings.Builder

	width, height float64
	// left, top, right and bottom are the borders of the plot.
	left, top, right, bottom float64
}

const (
	blue   = "#4c8dd6" // the reference
	orange = "#e0852b" // the window
)

func newDrawing(title string) *drawing {
	d := &drawing{width: 760, height: 320, left: 56, top: 40, right: 744, bottom: 268}
	fmt.Fprintf(d, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %g %g" role="img">
<title>%s</title>
<style>
text { font: 12px sans-serif; fill: #24292f; }
.axis { stroke: #57606a; fill: none; }
.grid { stroke: #8c959f; stroke-opacity: 0.3; }
.dash { stroke: #57606a; stroke-dasharray: 5 4; fill: none; }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3; }
.axis, .dash { stroke: #9aa4af; }
}
</style>
`, d.width, d.height, html.EscapeString(title))
	return d
}

// end returns the whole picture.
func (d *drawing) end() string {
	d.line("axis", d.left, d.bottom, d.right, d.bottom)
	d.line("axis", d.left, d.top, d.left, d.bottom)
	d.WriteString("</svg>\n")
	return d.String()
}

// text writes at a place; anchor is start, middle or end.
func (d *drawing) text(x, y float64, anchor, text string) {
	fmt.Fprintf(d, `<text x="%.1f" y="%.1f" text-anchor="%s">%s</text>`+"\n", x, y, anchor, html.EscapeString(text))
}

func (d *drawing) line(class string, x1, y1, x2, y2 float64) {
	fmt.Fprintf(d, `<line class="%s" x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f"/>`+"\n", class, x1, y1, x2, y2)
}

func (d *drawing) bar(color string, x, y, width float64) {
	fmt.Fprintf(d, `<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" fill="%s"/>`+"\n", x, y, width, d.bottom-y, color)
}

func (d *drawing) curve(color string, points [][2]float64) {
	fmt.Fprintf(d, `<polyline fill="none" stroke="%s" stroke-width="2" points="%s"/>`+"\n", color, path(points))
}

func path(points [][2]float64) string {
	places := make([]string, len(points))
	for i, p := range points {
		places[i] = fmt.Sprintf("%.1f,%.1f", p[0], p[1])
	}
	return strings.Join(places, " ")
}

// key explains a colour above the plot.
func (d *drawing) key(x float64, color, text string) {
	fmt.Fprintf(d, `<rect x="%.1f" y="14" width="12" height="12" fill="%s"/>`+"\n", x, color)
	d.text(x+18, 24, "start", text)
}

// scale draws a grid with labels at the left; y places a value.
func (d *drawing) scale(y func(value float64) float64, format string, values ...float64) {
	for _, value := range values {
		d.line("grid", d.left, y(value), d.right, y(value))
		d.text(d.left-6, y(value)+4, "end", fmt.Sprintf(format, value))
	}
}

// linear maps 0 … largest to the height of the plot.
func (d *drawing) linear(largest float64) func(value float64) float64 {
	return func(value float64) float64 { return d.bottom - value/largest*(d.bottom-d.top) }
}

// pictures are the pictures of the pages by file name.
func pictures(x *example) map[string]string {
	return map[string]string{
		"bins.svg": drawBins(x), "cumulative.svg": drawCumulative(x), "noise_floor.svg": drawNoiseFloor(x),
		"error_ratio.svg": drawErrorRatio(x),
	}
}

// drawBins draws the shares that the coarse scores compare.
func drawBins(x *example) string {
	v := x.column(drifted, "recent_delay_origin")
	p, q := v.Bins, v.Coarse(v.Cells, nil)
	d := newDrawing("Shares of recent_delay_origin by bin")
	d.key(d.left, blue, "reference")
	d.key(d.left+110, orange, x.windows[drifted].name)
	y := d.linear(0.25)
	d.scale(y, "%.2f", 0.05, 0.1, 0.15, 0.2, 0.25)
	step := (d.right - d.left) / float64(len(p))
	for i := range p {
		at := d.left + float64(i)*step
		d.bar(blue, at+6, y(float64(p[i])/float64(sum(p))), step/2-7)
		d.bar(orange, at+step/2+1, y(float64(q[i])/float64(sum(q))), step/2-7)
		d.text(at+step/2, d.bottom+16, "middle", shortRange(v.Column, i))
	}
	d.text((d.left+d.right)/2, d.bottom+38, "middle", "recent_delay_origin, minutes")
	return d.end()
}

// shortRange names a bin by its upper edge.
func shortRange(c *profile.Column, i int) string {
	if i == len(c.Edges) {
		return fmt.Sprintf("> %.3g", c.Edges[i-1])
	}
	return fmt.Sprintf("≤ %.3g", c.Edges[i])
}

// drawCumulative draws what ks and wasserstein compare.
func drawCumulative(x *example) string {
	const low, high = -20.0, 40.0
	v := x.column(drifted, "recent_delay_origin")
	d := newDrawing("Cumulative shares of recent_delay_origin")
	y := d.linear(1)
	place := func(value float64) float64 { return d.left + (value-low)/(high-low)*(d.right-d.left) }
	var p, q [][2]float64
	widest, at := 0.0, 0
	for i := 0; i <= 240; i++ {
		value := low + (high-low)*float64(i)/240
		a, b := below(v, v.Column.Cells, value), below(v, v.Cells, value)
		p = append(p, [2]float64{place(value), y(a)})
		q = append(q, [2]float64{place(value), y(b)})
		if gap := math.Abs(a - b); gap > widest {
			widest, at = gap, i
		}
	}
	d.scale(y, "%.2f", 0.25, 0.5, 0.75, 1)
	back := make([][2]float64, len(q))
	for i := range q {
		back[len(q)-1-i] = q[i]
	}
	fmt.Fprintf(d, `<polygon fill="%s" fill-opacity="0.25" points="%s"/>`+"\n", orange, path(append(append([][2]float64{}, p...), back...)))
	d.curve(blue, p)
	d.curve(orange, q)
	d.line("axis", p[at][0], p[at][1], q[at][0], q[at][1])
	d.text(q[at][0]-6, q[at][1]-10, "end", "ks: the widest gap")
	d.text(place(18), y(0.35), "start", "wasserstein: the area between")
	d.key(d.left, blue, "reference")
	d.key(d.left+110, orange, x.windows[drifted].name)
	for value := low; value <= high; value += 10 {
		d.text(place(value), d.bottom+16, "middle", fmt.Sprintf("%g", value))
	}
	d.text((d.left+d.right)/2, d.bottom+38, "middle", "recent_delay_origin, minutes")
	return d.end()
}

// below returns the share of cells up to a value.
func below(v *window.ColumnView, cells []uint64, value float64) float64 {
	var n uint64
	for i, count := range cells {
		if point := (i - 1) / 2; i%2 == 1 && v.Points[point] > value {
			break
		}
		n += count
	}
	return float64(n) / float64(sum(cells))
}

// drawNoiseFloor draws how floors fall with the number of values.
func drawNoiseFloor(x *example) string {
	const low, high, least, most = 30.0, 1e6, 0.01, 1.0
	d := newDrawing("Noise floor of jensen_shannon by number of values")
	y := func(value float64) float64 {
		return d.bottom - math.Log(value/least)/math.Log(most/least)*(d.bottom-d.top)
	}
	place := func(n float64) float64 { return d.left + math.Log(n/low)/math.Log(high/low)*(d.right-d.left) }
	d.scale(y, "%g", 0.01, 0.03, 0.1, 0.3, 1)
	for i, c := range []struct{ column, color, text string }{
		{"recent_delay_origin", orange, "recent_delay_origin, 10 bins"},
		{"destination", blue, "destination, 123 categories"},
	} {
		var points [][2]float64
		floors := x.floors(c.column)
		for k := 0; k <= 30; k++ {
			n := math.Round(low * math.Pow(high/low, float64(k)/30))
			points = append(points, [2]float64{place(n), y(floors.At(uint64(n)).JensenShannon.Value)})
		}
		d.curve(c.color, points)
		d.key(d.left+230*float64(i), c.color, c.text)
	}
	d.line("dash", d.left, y(0.2), d.right, y(0.2))
	d.text(d.right, y(0.2)-5, "end", "threshold 0.2")
	for _, n := range []float64{100, 1000, 10_000, 100_000, 1_000_000} {
		d.text(place(n), d.bottom+16, "middle", fmt.Sprintf("%.0f", n))
	}
	d.text((d.left+d.right)/2, d.bottom+38, "middle", "values in the window")
	return d.end()
}

// drawErrorRatio draws error ratios with their intervals.
func drawErrorRatio(x *example) string {
	d := newDrawing("Error ratio of the classifier by window")
	y := d.linear(0.25)
	d.scale(y, "%.2f", 0.05, 0.1, 0.15, 0.2, 0.25)
	reference := x.value(x.windows[0].flights, metric.ReferenceErrorRatio)
	d.line("dash", d.left, y(reference), d.right, y(reference))
	step := (d.right - d.left) / float64(len(x.windows))
	for i := range x.windows {
		w := &x.windows[i]
		at := d.left + (float64(i)+0.5)*step
		low, high := y(x.value(w.flights, metric.ErrorRatioLower)), y(x.value(w.flights, metric.ErrorRatioUpper))
		fmt.Fprintf(d, `<line stroke="%s" stroke-width="3" x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f"/>`+"\n", orange, at, low, at, high)
		fmt.Fprintf(d, `<circle fill="%s" cx="%.1f" cy="%.1f" r="5"/>`+"\n", orange, at, y(x.value(w.flights, metric.ErrorRatio)))
		d.text(at, d.bottom+16, "middle", w.name)
	}
	d.key(d.left, orange, "error ratio with its 95% interval; dashed: the reference")
	return d.end()
}
