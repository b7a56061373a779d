# SPDX-License-Identifier: Apache-2.0
"""
tools/lib/timeline.py - lanes over time as SVG: what a plan promises, and what a run did, in the same form.

A lane has a name, bars (begin, end, style) and marks (at, style); times in ms. The picture is one <svg>
element that needs nothing else: it can stand in a file, or in a page.
"""
from xml.sax.saxutils import escape

LEFT, RIGHT, TOP, LANE, TEXT = 150, 20, 34, 24, 12
WIDTH = 1200
COLOURS = ["#4878a8", "#78a848", "#c07830", "#8868a8", "#38a0a0", "#b05070", "#707070", "#a89030"]
MARKS = {"replenish": "#2a7a2a", "deadline": "#c03030", "throttle": "#c03030", "wake": "#4444aa",
         "exit": "#999999", "interrupt": "#c07000", "posted": "#c8b400", "given": "#4444aa", "done": "#2a7a2a"}


class Lane:
    def __init__(self, name, note=""):
        self.name, self.note = name, note
        self.bars = []
        self.marks = []


def ticks(begin, end, most=12):
    """Round times, at most so many of them."""
    step = 10.0 ** -6
    while (end - begin) / step > most:
        for factor in (2, 2.5, 2):
            step *= factor
            if (end - begin) / step <= most:
                break
    first = int(begin / step) + (begin % step > 0)
    return [n * step for n in range(first, int(end / step + 1e-9) + 1)]


def svg(title, lanes, begin, end):
    """Lanes from top to bottom; what lies outside of begin .. end is left out."""
    height = TOP + LANE * len(lanes) + 36
    scale = (WIDTH - LEFT - RIGHT) / (end - begin)

    def x(at):
        return LEFT + (min(max(at, begin), end) - begin) * scale

    out = ['<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" '
           'font-family="sans-serif" font-size="%d">' % (WIDTH, height, WIDTH, height, TEXT),
           '<rect width="100%" height="100%" fill="white"/>',
           '<text x="%d" y="20" font-weight="bold">%s</text>' % (LEFT, escape(title))]
    for at in ticks(begin, end):
        out.append('<line x1="%.2f" x2="%.2f" y1="%d" y2="%d" stroke="#ddd"/>'
                   % (x(at), x(at), TOP, TOP + LANE * len(lanes)))
        out.append('<text x="%.2f" y="%d" text-anchor="middle">%g ms</text>'
                   % (x(at), TOP + LANE * len(lanes) + 16, round(at, 6)))
    for n, lane in enumerate(lanes):
        out += draw_lane(lane, TOP + LANE * n, x, begin, end, COLOURS[n % len(COLOURS)])
    return "\n".join(out + ["</svg>"]) + "\n"


def draw_lane(lane, y, x, begin, end, colour):
    out = ['<text x="%d" y="%d" text-anchor="end">%s</text>' % (LEFT - 8, y + LANE - 8, escape(lane.name)),
           '<line x1="%d" x2="%d" y1="%d" y2="%d" stroke="#eee"/>' % (LEFT, WIDTH - RIGHT, y + LANE, y + LANE)]
    if lane.note:
        out.append('<title>%s</title>' % escape(lane.note))
    for first, last, kind in lane.bars:
        if last > begin and first < end:
            out.append('<rect class="%s" x="%.2f" y="%d" width="%.2f" height="%d" fill="%s"/>'
                       % (escape(kind), x(first), y + 4, max(x(last) - x(first), 0.3), LANE - 8, colour))
    for at, kind in lane.marks:
        if begin <= at <= end:
            out.append('<line class="%s" x1="%.2f" x2="%.2f" y1="%d" y2="%d" stroke="%s" stroke-width="1.5"/>'
                       % (escape(kind), x(at), x(at), y + 2, y + LANE - 2, MARKS[kind]))
    return ['<g class="lane">'] + out + ["</g>"]
