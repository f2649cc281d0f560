// SPDX-License-Identifier: GPL-2.0-or-later
// Batches are computed from the store's change log; see events.hpp for the contract.
#include "xapi/events.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "datamodel/codec.hpp"

namespace xcp::xapi {

namespace {

constexpr std::chrono::milliseconds gather_time{15};
constexpr std::chrono::seconds sweep_interval{10};
constexpr std::chrono::minutes classic_limit{5};

struct Item {
  db::ChangeKind kind;
  std::uint16_t class_index;
  std::string ref;
  std::uint64_t generation;
  db::RowPtr row;
};

struct Batch {
  std::vector<Item> items;
  std::map<std::string, std::size_t> counts;  // lower-case class -> objects that exist
  std::string token;
};

std::string lower_name(std::uint16_t class_index) {
  std::string name(model::classes()[class_index].name);
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return name;
}

std::string_view operation_name(db::ChangeKind kind) {
  switch (kind) {
    case db::ChangeKind::Add:
      return "add";
    case db::ChangeKind::Modify:
      return "mod";
    case db::ChangeKind::Delete:
      return "del";
  }
  return "";
}

int order(const Item& item) {
  if (item.class_index == model::message::index) return 0;
  return 1 + static_cast<int>(item.kind);
}

std::vector<Item> everything(const db::Snapshot& view, const Subscription& subscription) {
  std::vector<Item> items;
  for (std::uint16_t c = 0; c < model::classes().size(); ++c) {
    if (!model::classes()[c].events || !subscription.wants_class(c)) continue;
    view.rows(c).for_each([&](const db::RowPtr& row) {
      if (subscription.wants(c, row->ref))
        items.push_back({db::ChangeKind::Add, c, row->ref, row->modified, row});
    });
  }
  return items;
}

// One event an object: made and destroyed in between yields nothing, several changes become one.
std::vector<Item> collapsed(const std::vector<db::Change>& changes,
                            const Subscription& subscription, const db::Snapshot& view) {
  std::map<std::string, std::size_t> known;
  std::vector<Item> items;
  std::vector<bool> dropped;
  for (const db::Change& change : changes) {
    if (change.generation > view.generation()) break;
    if (!model::classes()[change.class_index].events) continue;
    if (!subscription.wants(change.class_index, change.ref)) continue;
    const auto found = known.find(change.ref);
    if (found == known.end()) {
      known.emplace(change.ref, items.size());
      items.push_back({change.kind, change.class_index, change.ref, change.generation, nullptr});
      dropped.push_back(false);
      continue;
    }
    Item& item = items[found->second];
    const bool was_new = item.kind == db::ChangeKind::Add;
    item.generation = change.generation;
    if (change.kind == db::ChangeKind::Delete) {
      if (was_new) dropped[found->second] = true;
      item.kind = db::ChangeKind::Delete;
    } else {
      item.kind = was_new ? db::ChangeKind::Add : db::ChangeKind::Modify;
      dropped[found->second] = false;
    }
  }
  std::vector<Item> kept;
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (dropped[i]) continue;
    Item& item = items[i];
    if (item.kind != db::ChangeKind::Delete) item.row = view.get(item.class_index, item.ref);
    kept.push_back(std::move(item));
  }
  return kept;
}

void write_member(std::string& out, Wire wire, std::string_view name, std::string_view text) {
  if (wire == Wire::Json) {
    out += '"';
    out += name;
    out += "\":";
    model::write_json_string(out, text);
    return;
  }
  out += "<member><name>";
  out += name;
  out += "</name><value>";
  model::write_xml_text(out, text);
  out += "</value></member>";
}

void write_snapshot(std::string& out, Wire wire, const db::Row& row) {
  if (wire == Wire::Json) {
    out += ",\"snapshot\":";
    out += row.json();
    return;
  }
  out += "<member><name>snapshot</name>";
  out += row.xml();
  out += "</member>";
}

void write_event(std::string& out, Wire wire, const Item& item, bool classic) {
  const bool json = wire == Wire::Json;
  const std::string_view comma = json ? "," : "";
  out += json ? "{" : "<value><struct>";
  write_member(out, wire, "id", std::to_string(item.generation));
  out += comma;
  const std::string timestamp = classic ? fmt::format("{}.0", model::now().seconds) : "0.0";
  write_member(out, wire, "timestamp", timestamp);
  out += comma;
  write_member(out, wire, "class", lower_name(item.class_index));
  out += comma;
  write_member(out, wire, "operation", operation_name(item.kind));
  out += comma;
  write_member(out, wire, "ref", item.ref);
  if (item.kind != db::ChangeKind::Delete) write_snapshot(out, wire, *item.row);
  out += json ? "}" : "</struct></value>";
}

void write_events(std::string& out, Wire wire, const std::vector<Item>& items, bool classic) {
  const bool json = wire == Wire::Json;
  out += json ? "[" : "<value><array><data>";
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (json && i != 0) out += ',';
    write_event(out, wire, items[i], classic);
  }
  out += json ? "]" : "</data></array></value>";
}

void write_counts(std::string& out, Wire wire, const std::map<std::string, std::size_t>& counts) {
  const bool json = wire == Wire::Json;
  out += json ? "{" : "<value><struct>";
  bool first = true;
  for (const auto& [name, count] : counts) {
    if (json)
      out += fmt::format("{}\"{}\":{}", first ? "" : ",", name, count);
    else
      out += fmt::format("<member><name>{}</name><value><i4>{}</i4></value></member>", name, count);
    first = false;
  }
  out += json ? "}" : "</struct></value>";
}

void write_batch(std::string& out, Wire wire, const Batch& batch) {
  if (wire == Wire::Json) {
    out += "{\"events\":";
    write_events(out, wire, batch.items, false);
    out += ",\"valid_ref_counts\":";
    write_counts(out, wire, batch.counts);
    out += ",";
    write_member(out, wire, "token", batch.token);
    out += "}";
    return;
  }
  out += "<value><struct><member><name>events</name>";
  write_events(out, wire, batch.items, false);
  out += "</member><member><name>valid_ref_counts</name>";
  write_counts(out, wire, batch.counts);
  out += "</member>";
  write_member(out, wire, "token", batch.token);
  out += "</struct></value>";
}

}  // namespace

Subscription::Subscription(const std::vector<std::string>& entries) {
  for (const std::string& entry : entries) {
    if (entry == "*") {
      for (std::uint16_t c = 0; c < model::classes().size(); ++c)
        if (model::classes()[c].in_database && model::classes()[c].events) classes_.insert(c);
      continue;
    }
    const auto slash = entry.find('/');
    const model::ClassDesc* desc = model::find_class(entry.substr(0, slash));
    if (desc == nullptr || (slash != std::string::npos && slash + 1 == entry.size()))
      throw Failure("EVENT_SUBSCRIPTION_PARSE_FAILURE", {entry});
    if (slash == std::string::npos)
      classes_.insert(model::class_index(*desc));
    else
      objects_[model::class_index(*desc)].insert(entry.substr(slash + 1));
  }
}

bool Subscription::wants(std::uint16_t class_index, const std::string& ref) const {
  if (classes_.contains(class_index)) return true;
  const auto found = objects_.find(class_index);
  return found != objects_.end() && found->second.contains(ref);
}

bool Subscription::wants_class(std::uint16_t class_index) const {
  return classes_.contains(class_index) || objects_.contains(class_index);
}

void Subscription::merge(const Subscription& other) {
  classes_.insert(other.classes_.begin(), other.classes_.end());
  for (const auto& [index, refs] : other.objects_) objects_[index].insert(refs.begin(), refs.end());
}

void Subscription::remove(const Subscription& other) {
  for (const std::uint16_t index : other.classes_) classes_.erase(index);
  for (const auto& [index, refs] : other.objects_)
    for (const std::string& ref : refs) objects_[index].erase(ref);
  std::erase_if(objects_, [](const auto& entry) { return entry.second.empty(); });
}

std::string Token::text() const {
  return fmt::format("{:020},{:020}", generation, messages);
}

Token Token::parse(const std::string& text) {
  if (text.empty()) return {};
  Token token;
  const char* const end = text.data() + text.size();
  const auto first = std::from_chars(text.data(), end, token.generation);
  if (first.ec == std::errc() && first.ptr != end && *first.ptr == ',') {
    const auto second = std::from_chars(first.ptr + 1, end, token.messages);
    if (second.ec == std::errc() && second.ptr == end) return token;
  }
  throw Failure("EVENT_FROM_TOKEN_PARSE_FAILURE", {text});
}

EventHub::EventHub(db::Store& store, Sessions& sessions)
    : store_(store), sessions_(sessions), next_sweep_(Clock::now() + sweep_interval) {
  store_.on_change([this](std::span<const db::Change> changes) { changed(changes); });
  thread_ = std::thread([this] { run(); });
}

EventHub::~EventHub() {
  store_.on_change({});
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

void EventHub::from(const Ref<model::session>& session, Subscription subscription, Token token,
                    std::chrono::milliseconds timeout, std::function<bool()> gone, Done done) {
  Waiter waiter;
  waiter.session = session;
  waiter.subscription = std::move(subscription);
  waiter.token = token;
  waiter.deadline = Clock::now() + timeout;
  waiter.gone = std::move(gone);
  waiter.done = std::move(done);
  if (answer(waiter, timeout.count() <= 0)) return;
  wait(std::move(waiter));
}

void EventHub::wait(Waiter waiter) {
  std::lock_guard lock(mutex_);
  // Due at once: something may have been published between the look and the listing.
  waiter.due = first_due_ = Clock::now();
  waiters_.push_back(std::move(waiter));
  wake_.notify_one();
}

void EventHub::register_classes(const Ref<model::session>& session,
                                const Subscription& subscription) {
  const std::uint64_t generation = store_.snapshot().generation();
  std::lock_guard lock(mutex_);
  const auto [entry, is_new] = registered_.try_emplace(session.str());
  if (is_new) entry->second.generation = generation;
  entry->second.subscription.merge(subscription);
}

void EventHub::unregister_classes(const Ref<model::session>& session,
                                  const Subscription& subscription) {
  std::lock_guard lock(mutex_);
  const auto found = registered_.find(session.str());
  if (found == registered_.end()) return;
  found->second.subscription.remove(subscription);
  if (found->second.subscription.empty()) registered_.erase(found);
}

void EventHub::next(const Ref<model::session>& session, std::function<bool()> gone, Done done) {
  Waiter waiter;
  {
    std::lock_guard lock(mutex_);
    const auto found = registered_.find(session.str());
    if (found == registered_.end()) throw Failure("SESSION_NOT_REGISTERED", {session.str()});
    waiter.subscription = found->second.subscription;
    waiter.token.generation = found->second.generation;
  }
  waiter.session = session;
  waiter.classic = true;
  waiter.deadline = Clock::now() + classic_limit;
  waiter.gone = std::move(gone);
  waiter.done = std::move(done);
  if (!answer(waiter, false)) wait(std::move(waiter));
}

void EventHub::changed(std::span<const db::Change> changes) {
  std::lock_guard lock(mutex_);
  if (waiters_.empty()) return;
  const auto due = Clock::now() + gather_time;
  bool any = false;
  for (Waiter& waiter : waiters_) {
    if (waiter.due <= due) continue;
    const bool wanted = std::any_of(changes.begin(), changes.end(), [&](const db::Change& change) {
      return waiter.subscription.wants(change.class_index, change.ref) &&
             model::classes()[change.class_index].events;
    });
    if (!wanted) continue;
    waiter.due = due;
    any = true;
  }
  if (!any || first_due_ <= due) return;
  first_due_ = due;
  wake_.notify_one();
}

void EventHub::run() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    auto until = std::min(next_sweep_, first_due_);
    for (const Waiter& waiter : waiters_) until = std::min(until, waiter.deadline);
    if (until > Clock::now()) {
      wake_.wait_until(lock, until);
      if (stopping_) break;
    }
    const auto now = Clock::now();
    const bool sweep = now >= next_sweep_;
    if (sweep) next_sweep_ = now + sweep_interval;
    std::list<Waiter> ready;
    first_due_ = Clock::time_point::max();
    for (auto at = waiters_.begin(); at != waiters_.end();) {
      const auto here = at++;
      if (here->due <= now || here->deadline <= now || sweep)
        ready.splice(ready.end(), waiters_, here);
      else
        first_due_ = std::min(first_due_, here->due);
    }
    if (ready.empty()) continue;
    lock.unlock();
    for (auto at = ready.begin(); at != ready.end();) {
      const auto here = at++;
      if (here->gone && here->gone()) {
        ready.erase(here);
        continue;
      }
      const std::uint64_t looked_at = store_.snapshot().generation();
      if (answer(*here, here->deadline <= now)) {
        ready.erase(here);
        continue;
      }
      here->due = Clock::time_point::max();
      here->token.generation = std::max(here->token.generation, looked_at);
    }
    lock.lock();
    // Something may have been published while they were not listed: look again if so.
    const std::uint64_t generation = store_.snapshot().generation();
    for (Waiter& waiter : ready)
      if (waiter.token.generation < generation) waiter.due = first_due_ = Clock::now();
    waiters_.splice(waiters_.end(), ready);
  }
  for (Waiter& waiter : waiters_)
    waiter.done({Failure("SESSION_INVALID", {waiter.session.str()}), {}});
  waiters_.clear();
}

// Answers when there is something to say; false when the client goes on waiting.
bool EventHub::answer(Waiter& waiter, bool timed_out) {
  try {
    sessions_.find(waiter.session.str());
  } catch (const Failure& failure) {
    waiter.done({failure, {}});
    return true;
  }
  const db::Snapshot view = store_.snapshot();
  auto batch = std::make_shared<Batch>();
  // A token of the future comes from before a restart that lost it; it starts anew.
  const bool from_start =
      waiter.token.generation == 0 || waiter.token.generation > view.generation();
  const auto changes = from_start ? std::nullopt : store_.changes_since(waiter.token.generation);
  if (changes)
    batch->items = collapsed(*changes, waiter.subscription, view);
  else if (waiter.classic) {
    waiter.done({Failure("EVENTS_LOST"), {}});
    return true;
  } else {
    batch->items = everything(view, waiter.subscription);
  }
  if (batch->items.empty() && !timed_out) return false;
  std::stable_sort(batch->items.begin(), batch->items.end(),
                   [](const Item& a, const Item& b) { return order(a) < order(b); });
  for (std::uint16_t c = 0; c < model::classes().size(); ++c)
    if (waiter.subscription.wants_class(c)) batch->counts[lower_name(c)] = view.rows(c).size();
  batch->token = Token{view.generation(), view.generation()}.text();
  if (waiter.classic) {
    std::lock_guard lock(mutex_);
    const auto found = registered_.find(waiter.session.str());
    if (found != registered_.end()) found->second.generation = view.generation();
  }
  Outcome outcome;
  outcome.result.shape = Result::Shape::Written;
  outcome.result.token = batch->token;
  const bool classic = waiter.classic;
  outcome.result.writer = [batch, classic](std::string& out, Wire wire) {
    if (classic)
      write_events(out, wire, batch->items, true);
    else
      write_batch(out, wire, *batch);
  };
  waiter.done(std::move(outcome));
  return true;
}

}  // namespace xcp::xapi
