// Command probe is a Lambda function that misbehaves on demand, for the tests of
// package lambdahost.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambda/messages"
)

type request struct {
	Do string `json:"do"`
}

func main() {
	if os.Getenv("PROBE_EXIT") != "" {
		fmt.Println("the probe was asked to end")
		os.Exit(3)
	}
	lambda.StartWithOptions(handle, lambda.WithEnableSIGTERM(func() { fmt.Println("the probe was ended by a signal") }))
}

func handle(ctx context.Context, r request) (any, error) {
	switch r.Do {
	case "fail":
		return nil, messages.InvokeResponse_Error{Type: "Probe.Failed", Message: "as asked"}
	case "deadline":
		deadline, _ := ctx.Deadline()
		return time.Until(deadline).Milliseconds(), nil
	case "hang":
		select {}
	case "exit":
		os.Exit(4)
	case "large":
		return strings.Repeat("x", 7<<20), nil
	case "stream":
		return stream(strings.NewReader("one\ntwo\n")), nil
	case "break":
		return stream(io.MultiReader(strings.NewReader("one\n"), broken{})), nil
	}
	return os.Getpid(), nil
}

func stream(body io.Reader) *events.LambdaFunctionURLStreamingResponse {
	return &events.LambdaFunctionURLStreamingResponse{StatusCode: 200, Body: body}
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errors.New("the body broke") }
