package main

import (
	"fmt"
	"math"
	"strings"
)

// What a plot measures, in pixels.
const (
	plotWide, plotHigh = 1000, 560
	plotLeft, plotTop  = 60, 40
	plotArea, plotTall = 660, 460
)

// plot draws the times of all classes over the number of resources, both logarithmic.
func plot(all []series) []byte {
	least, most := math.Inf(1), math.Inf(-1)
	for _, s := range all {
		for _, p := range s.points {
			least, most = min(least, p.ms), max(most, p.ms)
		}
	}
	low, high := math.Floor(math.Log10(least)), math.Ceil(math.Log10(most)+1e-9)
	sizes := all[0].points
	from, to := math.Log10(float64(sizes[0].size)), math.Log10(float64(sizes[len(sizes)-1].size))
	x := func(size int) float64 { return plotLeft + plotArea*(math.Log10(float64(size))-from)/max(to-from, 1e-9) }
	y := func(ms float64) float64 { return plotTop + plotTall*(high-math.Log10(ms))/max(high-low, 1e-9) }
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12">`+"\n", plotWide, plotHigh)
	fmt.Fprintf(&b, `<rect width="%d" height="%d" fill="#fff"/><text x="%d" y="22" font-size="15">Searches, p50 in ms, by the number of resources; one client</text>`+"\n", plotWide, plotHigh, plotLeft)
	for e := low; e <= high; e++ {
		at := y(math.Pow(10, e))
		fmt.Fprintf(&b, `<line x1="%d" x2="%d" y1="%.1f" y2="%.1f" stroke="#ddd"/><text x="%d" y="%.1f" text-anchor="end">%s</text>`+"\n",
			plotLeft, plotLeft+plotArea, at, at, plotLeft-6, at+4, fmt.Sprint(math.Pow(10, e)))
	}
	for _, p := range sizes {
		fmt.Fprintf(&b, `<text x="%.1f" y="%d" text-anchor="middle">%s k</text>`+"\n", x(p.size), plotTop+plotTall+20, number(float64(p.size)/1000))
	}
	for i, s := range all {
		colour, dash := fmt.Sprintf("hsl(%d,70%%,40%%)", i*360/len(all)), ""
		if i%2 == 1 {
			dash = ` stroke-dasharray="5 3"`
		}
		var line []string
		for _, p := range s.points {
			line = append(line, fmt.Sprintf("%.1f,%.1f", x(p.size), y(p.ms)))
		}
		fmt.Fprintf(&b, `<polyline fill="none" stroke="%s" stroke-width="2"%s points="%s"/>`+"\n", colour, dash, strings.Join(line, " "))
		at := plotTop + 12 + i*19
		fmt.Fprintf(&b, `<line x1="%d" x2="%d" y1="%d" y2="%d" stroke="%s" stroke-width="2"%s/><text x="%d" y="%d">%s</text>`+"\n",
			plotLeft+plotArea+20, plotLeft+plotArea+46, at, at, colour, dash, plotLeft+plotArea+52, at+4, s.name)
	}
	b.WriteString("</svg>\n")
	return []byte(b.String())
}
