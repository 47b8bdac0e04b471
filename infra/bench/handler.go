package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness/functionapp"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/repository"
)

// handlerStart prints the start of the handler over that of a hello-world one.
func (b *bench) handlerStart(ctx context.Context, app string) error {
	const rounds = 20
	hello := filepath.Join(b.dir, "hellohandler")
	if err := repository.Release(ctx, "infra/bench/hellohandler", "", hello); err != nil {
		return err
	}
	handlers := []*function{
		{name: "hello-world", folder: hello},
		{name: "functions/azure", folder: filepath.Join(app, functionapp.Handler), env: append(handlerSettings(),
			"IDENTITY_ENDPOINT=http://127.0.0.1:9/msi/token", "IDENTITY_HEADER=bench", "ROLLCALL_SEAL_KEY=keyvault:https://bench.vault.azure.net/secrets/seal-key",
			"ROLLCALL_SINKS=azblob://account/directory", "ROLLCALL_STATE=azblob://account/state",
			"ROLLCALL_WEBHOOK_SECRET=keyvault:https://bench.vault.azure.net/secrets/webhook",
		)},
	}
	progress("starts of the handler")
	for range rounds {
		for _, h := range handlers {
			took, err := toFirstAnswer(ctx, app, h)
			if err != nil {
				return fmt.Errorf("%s: %w", h.name, err)
			}
			h.starts = append(h.starts, took)
		}
	}
	fmt.Printf("\n### Start and size of the custom handler\n\nStart of the process to its first answer to the host's probe, median of %d, in turns; the binary stripped, for amd64.\n\n", rounds)
	fmt.Println("| handler | start ms | over hello-world ms | times hello-world | binary MB |")
	fmt.Println("|---|--:|--:|--:|--:|")
	base := milliseconds(handlers[0])
	for _, h := range handlers {
		info, err := os.Stat(h.folder)
		if err != nil {
			return err
		}
		fmt.Printf("| %s | %.1f | %.1f | %.1f | %.2f |\n", h.name, milliseconds(h), milliseconds(h)-base, milliseconds(h)/base, float64(info.Size())/1e6)
	}
	return nil
}

// toFirstAnswer starts a handler and returns how long it was until it answered GET /, which
// is asked for without a pause.
func toFirstAnswer(ctx context.Context, app string, h *function) (time.Duration, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	address := listener.Addr().String()
	if err := listener.Close(); err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	_, port, _ := net.SplitHostPort(address)
	command := exec.CommandContext(ctx, h.folder)
	command.Dir = app
	command.Env = append([]string{"FUNCTIONS_CUSTOMHANDLER_PORT=" + port, "FUNCTIONS_APP_ROOT_PATH=" + app}, h.env...)
	transport := &http.Transport{DisableKeepAlives: true}
	began := time.Now()
	if err := command.Start(); err != nil {
		return 0, err
	}
	defer func() {
		_ = command.Process.Kill()
		_ = command.Wait()
	}()
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/", nil)
		if err != nil {
			return 0, err
		}
		if response, err := transport.RoundTrip(request); err == nil {
			took := time.Since(began)
			_, _ = io.Copy(io.Discard, response.Body)
			return took, response.Body.Close()
		}
		if ctx.Err() != nil {
			return 0, context.Cause(ctx)
		}
	}
}
