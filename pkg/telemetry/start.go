package telemetry

import (
	"bytes"
	"log"
	"log/slog"
	"os"

	"github.com/rollcall-dev/rollcall/pkg/version"
)

// Start returns the logger of a deployed function, which writes JSON to stdout from
// this level up (see Options), and sends the standard log to it. main calls it once.
func Start(level string) *slog.Logger { return startLog(Options{Level: level}) }

// StartUnderHost is Start for a program whose lines a host reads that takes what comes on
// stderr for errors, as the one of Azure Functions does: from WARN up they go there.
func StartUnderHost(level string) *slog.Logger {
	return startLog(Options{Level: level, Problems: os.Stderr})
}

func startLog(o Options) *slog.Logger {
	logger := New(os.Stdout, o)
	CaptureStandardLog(logger)
	logger.Info("the program starts", "version", version.String())
	StartTraces(logger)
	return logger
}

// CaptureStandardLog sends what libraries print through package log to logger,
// cut before the first quotation mark or brace: net/http quotes bytes of answers
// there, and the Lambda runtime prints every error it reports, and both may name
// people. It changes the process.
func CaptureStandardLog(logger *slog.Logger) {
	log.SetFlags(0)
	log.SetOutput(&standardLog{logger})
}

type standardLog struct{ logger *slog.Logger }

// Write takes one line of package log.
func (s *standardLog) Write(line []byte) (int, error) {
	text := line
	if at := bytes.IndexAny(text, "\"'`{["); at >= 0 {
		text = text[:at]
	}
	if text = bytes.TrimSpace(text); len(text) > 0 {
		s.logger.Warn(string(text), "source", "standard log")
	}
	return len(line), nil
}
