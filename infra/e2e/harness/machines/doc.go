// Package machines runs the state machines of infra/statemachine. moto executes
// them; the Lambda functions that they invoke are the test's own: a Go function,
// or a built binary in a [lambdahost.Host].
//
// moto makes the calls of a state machine to http://localhost:$MOTO_PORT. There a
// [World] listens: it answers the invocations of functions itself and hands
// everything else on to moto, so that whoever uses its address sees one AWS.
//
// server.py mends what moto does wrong here. What it still does otherwise than
// Step Functions: a distributed map never fails through its items, whatever
// ToleratedFailurePercentage says; a ResultWriter writes a manifest without the
// results; and a tenants file that cannot be read is States.Runtime, where Step
// Functions has States.ItemReaderFailed. It checks nobody's permissions.
package machines
