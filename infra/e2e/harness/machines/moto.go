package machines

import (
	"context"
	_ "embed"
	"strconv"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness/moto"
)

// server is the program that runs.
//
//go:embed server.py
var server string

// startMoto runs moto_server on a free port of loopback, with calls being the
// port that its state machines call.
func startMoto(ctx context.Context, calls int) (*moto.Server, error) {
	return moto.StartWith(ctx, []string{"MOTO_PORT=" + strconv.Itoa(calls), "AWS_EC2_METADATA_DISABLED=true"}, "python", "-c", server)
}
