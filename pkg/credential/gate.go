package credential

import "context"

// gate lets one goroutine in at a time. Unlike a mutex it lets go of those
// whose context ends while they wait.
type gate chan struct{}

func (g gate) enter(ctx context.Context) error {
	select {
	case g <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (g gate) leave() { <-g }
