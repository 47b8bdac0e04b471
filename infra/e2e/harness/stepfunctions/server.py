# moto_server, fixed where state machines within state machines need it.
import copy
import sys
import uuid

from moto.server import main
from moto.stepfunctions.models import StateMachine
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service import (
    StateTaskService,
)
from moto.stepfunctions.parser.models import StepFunctionsParserBackend

# It copies a state machine for every execution, and with it the executions that
# there are, which cannot be copied: they hold threads and locks. So a second
# execution would fail. A copy that shares them is enough: nobody changes them.
StateMachine.__deepcopy__ = lambda machine, _: copy.copy(machine)


# It calls an execution without a name "None", each of them.
def start_execution(backend, state_machine_arn, name=None, *rest, **more):
    return start(backend, state_machine_arn, name or str(uuid.uuid4()), *rest, **more)


start = StepFunctionsParserBackend.start_execution
StepFunctionsParserBackend.start_execution = start_execution


# A state machine spells a service's parameters and results with a capital first,
# the API of Step Functions itself does not; moto leaves both as they are.
def spell_parameters(task, parameters, *_, **__):
    if task._get_boto_service_name() == "stepfunctions":
        for name in list(parameters):
            parameters[name[0].lower() + name[1:]] = parameters.pop(name)


def spell_result(task, response, *_, **__):
    if task._get_boto_service_name() == "stepfunctions":
        for name in list(response):
            value = response.pop(name)
            if name in ("itemCounts", "executionCounts"):
                spell_result(task, value)
            response[name[0].upper() + name[1:]] = value


StateTaskService._normalise_parameters = spell_parameters
StateTaskService._normalise_response = spell_result

sys.exit(main(sys.argv[1:]))
