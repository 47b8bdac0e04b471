// Command hello is the smallest useful Lambda function in Go: the yardstick for
// cold start and size of the real ones.
package main

import (
	"context"

	"github.com/aws/aws-lambda-go/lambda"
)

func main() {
	lambda.Start(func(context.Context) (string, error) { return "hello, world", nil })
}
