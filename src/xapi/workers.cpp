// SPDX-License-Identifier: GPL-2.0-or-later
// See workers.hpp. Per class a ring of clients that have something waiting: whoever gave a call
// goes to the ring's end. An idle client costs nothing.
#include "xapi/workers.hpp"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <list>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

namespace xcp {

namespace {

// Of this many turns in a row with both classes waiting, queries get one.
constexpr unsigned turns_per_query = 4;

struct Queue {
  std::string client;
  std::deque<Workers::Work> works;
};

// The waiting calls of one class. Not thread-safe.
class Ring {
 public:
  bool empty() const { return queues_.empty(); }

  void push(const std::string& client, Workers::Work work) {
    auto [place, is_new] = places_.try_emplace(client);
    if (is_new) place->second = queues_.insert(queues_.end(), Queue{client, {}});
    place->second->works.push_back(std::move(work));
  }

  // The first call of the client whose turn it is, with that client's name.
  std::pair<std::string, Workers::Work> pop() {
    Queue& queue = queues_.front();
    std::pair<std::string, Workers::Work> next(queue.client, std::move(queue.works.front()));
    queue.works.pop_front();
    if (queue.works.empty()) {
      places_.erase(queue.client);
      queues_.pop_front();
    } else {
      queues_.splice(queues_.end(), queues_, queues_.begin());
    }
    return next;
  }

 private:
  std::list<Queue> queues_;  // none empty; the front has the next turn
  std::unordered_map<std::string, std::list<Queue>::iterator> places_;
};

}  // namespace

struct Workers::Impl {
  explicit Impl(WorkerSettings given) : settings(given) {}

  void run();
  Work next();

  const WorkerSettings settings;
  mutable std::mutex mutex;
  std::condition_variable changed;
  // The rest is guarded by the mutex.
  Ring lifecycle;
  Ring query;
  unsigned turns_since_query = 0;
  std::unordered_map<std::string, std::size_t> waiting_of;  // clients with something waiting
  std::size_t waiting = 0;
  std::size_t running = 0;
  bool stopped = false;
  std::vector<std::thread> threads;
};

// With the mutex held and something waiting.
Workers::Work Workers::Impl::next() {
  const bool query_turn =
      lifecycle.empty() || (!query.empty() && turns_since_query + 1 >= turns_per_query);
  // Queries that nobody waits for gather no credit.
  turns_since_query = query_turn || query.empty() ? 0 : turns_since_query + 1;
  auto [client, work] = (query_turn ? query : lifecycle).pop();
  --waiting;
  const auto count = waiting_of.find(client);
  if (--count->second == 0) waiting_of.erase(count);
  return std::move(work);
}

void Workers::Impl::run() {
  std::unique_lock lock(mutex);
  for (;;) {
    changed.wait(lock, [&] { return stopped || waiting != 0; });
    if (stopped) return;
    Work work = next();
    ++running;
    lock.unlock();
    [&]() noexcept { work(); }();
    work = nullptr;  // captures may take locks of their own
    lock.lock();
    --running;
  }
}

Workers::Workers(WorkerSettings settings) : impl_(std::make_unique<Impl>(settings)) {
  for (unsigned i = 0; i < std::max(settings.threads, 1u); ++i)
    impl_->threads.emplace_back([impl = impl_.get()] { impl->run(); });
}

Workers::~Workers() {
  stop();
}

bool Workers::submit(const std::string& client, Priority priority, Work work) {
  {
    const std::lock_guard lock(impl_->mutex);
    if (impl_->stopped || impl_->waiting >= impl_->settings.queue_total) return false;
    auto [count, is_new] = impl_->waiting_of.try_emplace(client, 0);
    if (count->second >= impl_->settings.queue_per_client) {
      if (is_new) impl_->waiting_of.erase(count);
      return false;
    }
    ++count->second;
    ++impl_->waiting;
    (priority == Priority::Lifecycle ? impl_->lifecycle : impl_->query)
        .push(client, std::move(work));
  }
  impl_->changed.notify_one();
  return true;
}

void Workers::stop() {
  Ring lifecycle;
  Ring query;
  std::vector<std::thread> threads;
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->stopped = true;
    std::swap(lifecycle, impl_->lifecycle);
    std::swap(query, impl_->query);
    impl_->waiting = 0;
    impl_->waiting_of.clear();
    threads.swap(impl_->threads);
  }
  impl_->changed.notify_all();
  for (auto& thread : threads) thread.join();
}

Workers::Load Workers::load() const {
  const std::lock_guard lock(impl_->mutex);
  return {impl_->waiting, impl_->running, impl_->waiting_of.size()};
}

}  // namespace xcp
