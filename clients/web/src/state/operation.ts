/** The service, control, alarms and the event log: from one state to the next. */
import type { Events, Hello, ServiceUpdate } from "../protocol";
import type { Operation, State } from "./model";

export function greetOperation(operation: Operation, { viewer, service, alarms }: Hello): Operation {
  return { ...operation, viewer, service, alarms };
}

export function operate(operation: Operation, message: ServiceUpdate | Events): Operation {
  if (message.t === "service") return { ...operation, service: message.service, alarms: message.alarms };
  const { scan, list } = operation.events;
  // After a gap none is taken: the session asks again from where the list ends.
  if (message.scan !== scan || message.start > list.length) return operation;
  const news = message.events.slice(list.length - message.start);
  return news.length === 0 ? operation : { ...operation, events: { scan, list: [...list, ...news] } };
}

/** The event log is that of the scan that is looked at. */
export function watchEvents(state: State): State {
  if (state.operation.events.scan === state.scan) return state;
  return { ...state, operation: { ...state.operation, events: { scan: state.scan, list: [] } } };
}

/** Why a person at this browser may not act, or null. Whoever acts first takes a control that is free. */
export function observing({ connection, operation }: Pick<State, "connection" | "operation">): string | null {
  if (connection !== "open" || operation.service === null) return "There is no connection to the service";
  const { holder, name } = operation.service.control;
  return holder === "" || holder === operation.viewer ? null : `Control is with ${name}: ask for it above`;
}

export function hasControl({ viewer, service }: Operation): boolean {
  return service !== null && viewer !== "" && service.control.holder === viewer;
}
