// SPDX-License-Identifier: GPL-2.0-or-later
// Event calls; those that wait are handed to the hub and hold no thread.
#include "xapi/handlers/event.gen.hpp"

#include <cmath>

#include "xapi/context.hpp"
#include "xapi/events.hpp"

namespace xcp::xapi {

namespace {

constexpr double longest_seconds = 24.0 * 3600;

std::chrono::milliseconds wait_time(double seconds) {
  if (!std::isfinite(seconds) || seconds < 0 || seconds > longest_seconds)
    seconds = longest_seconds;
  return std::chrono::milliseconds(static_cast<std::int64_t>(seconds * 1000));
}

}  // namespace

void event_register(Context& context, std::vector<std::string> classes) {
  context.services().events.register_classes(context.session().ref, Subscription(classes));
}

void event_unregister(Context& context, std::vector<std::string> classes) {
  context.services().events.unregister_classes(context.session().ref, Subscription(classes));
}

std::vector<model::RecordValue> event_next(Context& context) {
  context.answer_later(
      [&hub = context.services().events, session = context.session().ref,
       gone = context.caller().gone](Done done) { hub.next(session, gone, done); });
  return {};
}

model::Value event_from(Context& context, std::vector<std::string> classes, std::string token,
                        double timeout) {
  const Token start = Token::parse(token);
  context.answer_later([&hub = context.services().events, session = context.session().ref,
                        subscription = Subscription(classes), start, timeout,
                        gone = context.caller().gone](Done done) {
    hub.from(session, subscription, start, wait_time(timeout), gone, done);
  });
  return {};
}

std::int64_t event_get_current_id(Context& context) {
  return static_cast<std::int64_t>(context.view().generation());
}

std::string event_inject(Context& context, std::string class_, std::string ref) {
  const model::ClassDesc* desc = model::find_class(class_);
  if (desc == nullptr || !desc->in_database)
    throw Failure("EVENT_SUBSCRIPTION_PARSE_FAILURE", {class_});
  const std::uint64_t generation = context.commit(
      [&](db::Transaction& change) { change.touch(model::class_index(*desc), ref); });
  return Token{generation, generation}.text();
}

}  // namespace xcp::xapi
