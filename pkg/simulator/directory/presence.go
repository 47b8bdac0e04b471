package directory

import "sort"

// Presence visits everybody who was in the directory at any time between two positions
// of the journal, both included, and says who was there throughout.
func (d *Directory) Presence(from, to int, yield func(index int, throughout bool)) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	for index := range d.extent {
		ever := d.stateAt(index, from).life == Live
		throughout := ever
		own := d.history[index]
		for _, at := range own[sort.SearchInts(own, from):sort.SearchInts(own, to)] {
			live := d.journal[at].state.life == Live
			ever, throughout = ever || live, throughout && live
		}
		if ever {
			yield(index, throughout)
		}
	}
}
