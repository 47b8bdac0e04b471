package functionshost

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// schedule is an NCRONTAB expression: which seconds, minutes, hours, days of the month,
// months and days of the week.
type schedule [6]map[int]bool

// parseSchedule reads an expression of six fields, as Azure's timers have them. It takes
// numbers, names, lists, ranges and steps.
func parseSchedule(text string) (*schedule, error) {
	fields := strings.Fields(text)
	if len(fields) != 6 {
		return nil, fmt.Errorf("schedule %q has %d fields, not six: second minute hour day month day-of-week", text, len(fields))
	}
	limits := [6][2]int{{0, 59}, {0, 59}, {0, 23}, {1, 31}, {1, 12}, {0, 6}}
	names := [6][]string{
		4: {"", "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"},
		5: {"sun", "mon", "tue", "wed", "thu", "fri", "sat"},
	}
	s := &schedule{}
	for i, field := range fields {
		s[i] = map[int]bool{}
		for part := range strings.SplitSeq(field, ",") {
			if err := span(s[i], part, limits[i], names[i]); err != nil {
				return nil, fmt.Errorf("schedule %q: field %d: %w", text, i+1, err)
			}
		}
	}
	return s, nil
}

// span adds what one part of a field stands for.
func span(set map[int]bool, part string, limit [2]int, names []string) error {
	value := func(text string) (int, error) {
		for i, name := range names {
			if name != "" && len(text) >= 3 && strings.EqualFold(text[:3], name) {
				return i, nil
			}
		}
		n, err := strconv.Atoi(text)
		if err != nil || n < limit[0] || n > limit[1] {
			return 0, fmt.Errorf("%q is not from %d to %d", text, limit[0], limit[1])
		}
		return n, nil
	}
	within, step, stepped := strings.Cut(part, "/")
	by, first, last := 1, limit[0], limit[1]
	var err error
	if stepped {
		if by, err = strconv.Atoi(step); err != nil || by < 1 {
			return fmt.Errorf("step %q is not a number", step)
		}
	}
	if within != "*" {
		from, to, ranged := strings.Cut(within, "-")
		if first, err = value(from); err != nil {
			return err
		}
		switch {
		case ranged:
			if last, err = value(to); err != nil {
				return err
			}
		case !stepped:
			last = first
		}
	}
	if first > last {
		return fmt.Errorf("%q ends before it begins", part)
	}
	for n := first; n <= last; n += by {
		set[n] = true
	}
	return nil
}

// next is the first time of the schedule after another, or zero if there is none within
// five years.
func (s *schedule) next(after time.Time) time.Time {
	after = after.UTC().Truncate(time.Second).Add(time.Second)
	day := time.Date(after.Year(), after.Month(), after.Day(), 0, 0, 0, 0, time.UTC)
	for range 5 * 366 {
		if s[3][day.Day()] && s[4][int(day.Month())] && s[5][int(day.Weekday())] {
			for second := range 24 * 60 * 60 {
				at := day.Add(time.Duration(second) * time.Second)
				if !at.Before(after) && s[0][at.Second()] && s[1][at.Minute()] && s[2][at.Hour()] {
					return at
				}
			}
		}
		day = day.AddDate(0, 0, 1)
	}
	return time.Time{}
}

// Fire runs a function with a timer as trigger, as if its time had come, repeats it as
// function.json says, and returns the record of the last time. The error is that of the
// invocation, or says that there is no such timer.
func (h *Host) Fire(ctx context.Context, name string) (Record, error) {
	return h.fire(ctx, name, false)
}

// FireLate is Fire for a time that has passed while no host was there: IsPastDue is true.
func (h *Host) FireLate(ctx context.Context, name string) (Record, error) {
	return h.fire(ctx, name, true)
}

func (h *Host) fire(ctx context.Context, name string, late bool) (Record, error) {
	for _, fn := range h.app.functions {
		if fn.name != name || fn.trigger.Type != "timerTrigger" {
			continue
		}
		if fn.disabled {
			return Record{}, fmt.Errorf("function %s is disabled", name)
		}
		value := h.timerValue(fn, late)
		record := h.repeat(ctx, fn, func(ctx context.Context, r *run, metadata map[string]any) error {
			_, err := r.envelope(ctx, map[string]any{fn.trigger.Name: value}, metadata)
			return err
		})
		return record, record.Err
	}
	return Record{}, fmt.Errorf("the app has no function %s with a timer", name)
}

// timerValue is what .NET's TimerInfo looks like in JSON. What has not happened yet has
// the date 1 January of the year 1, without a zone.
func (h *Host) timerValue(fn *function, late bool) any {
	h.mu.Lock()
	last := h.fired[fn.name]
	now := time.Now()
	h.fired[fn.name] = now
	h.mu.Unlock()
	text := func(t time.Time) string {
		if t.IsZero() {
			return "0001-01-01T00:00:00"
		}
		return t.UTC().Format("2006-01-02T15:04:05.9999999+00:00")
	}
	return map[string]any{
		"Schedule":       map[string]any{"AdjustForDST": true},
		"ScheduleStatus": map[string]any{"Last": text(last), "Next": text(fn.schedule.next(now)), "LastUpdated": text(last)},
		"IsPastDue":      late,
	}
}
