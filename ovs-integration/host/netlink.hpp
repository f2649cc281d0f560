// SPDX-License-Identifier: GPL-2.0-or-later
// The kernel's rtnetlink protocol: building requests, waiting for their outcome, reading dumps and
// notifications. Everything works in the network namespace the socket was made in. A Socket is used
// by one thread at a time.
#pragma once

#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/fd.hpp"

namespace xcp::network::netlink {

// One request. Attributes nest between `begin` and `end`.
class Request {
 public:
  template <class Header>
  Request(std::uint16_t type, std::uint16_t flags, const Header& header)
      : Request(type, flags, &header, sizeof(header)) {}

  Request& put(std::uint16_t attribute, std::string_view bytes);
  Request& put_text(std::uint16_t attribute, const std::string& text);  // with its final zero
  template <class T>
  Request& put_value(std::uint16_t attribute, const T& value) {
    return put(attribute, {reinterpret_cast<const char*>(&value), sizeof(value)});
  }
  std::size_t begin(std::uint16_t attribute);
  void end(std::size_t begun);

  const std::string& bytes() const { return bytes_; }

 private:
  friend class Socket;
  Request(std::uint16_t type, std::uint16_t flags, const void* header, std::size_t size);
  nlmsghdr& header() { return *reinterpret_cast<nlmsghdr*>(bytes_.data()); }
  void pad();

  std::string bytes_;
};

// The attributes behind a message's fixed header. Views into the message; valid as long as it is.
class Attributes {
 public:
  explicit Attributes(std::string_view bytes) : bytes_(bytes) {}
  template <class Header>
  static Attributes of(const nlmsghdr& message, const Header&) {
    return Attributes(payload_after(message, sizeof(Header)));
  }

  std::optional<std::string_view> find(std::uint16_t attribute) const;
  std::string text(std::uint16_t attribute) const;  // empty when absent
  template <class T>
  std::optional<T> value(std::uint16_t attribute) const {
    const auto bytes = find(attribute);
    if (!bytes || bytes->size() < sizeof(T)) return std::nullopt;
    T value;
    bytes->copy(reinterpret_cast<char*>(&value), sizeof(T));
    return value;
  }
  Attributes nested(std::uint16_t attribute) const {
    return Attributes(find(attribute).value_or(std::string_view()));
  }

 private:
  static std::string_view payload_after(const nlmsghdr& message, std::size_t header_size);
  std::string_view bytes_;
};

// The fixed header of a message; nullptr when the message is too short for it.
template <class Header>
const Header* header_of(const nlmsghdr& message) {
  if (message.nlmsg_len < NLMSG_LENGTH(sizeof(Header))) return nullptr;
  return reinterpret_cast<const Header*>(reinterpret_cast<const char*>(&message) + NLMSG_HDRLEN);
}

using Visitor = std::function<void(const nlmsghdr& message)>;

class Socket {
 public:
  // `groups`: RTMGRP_* bits whose notifications are to be received.
  explicit Socket(unsigned groups = 0);

  // Sends and waits for the outcome; 0 or the error number. What the kernel says about it besides
  // is in explanation().
  int try_request(Request request);
  const std::string& explanation() const { return explanation_; }
  // Throws INTERNAL_ERROR ["<what>: <reason>"].
  void request(Request request, const std::string& what);
  // The one message that answers a request; nullopt for ENODEV.
  bool get(Request request, const std::string& what, const Visitor& visit);
  // False: what was read changed meanwhile and may be inconsistent.
  bool dump(Request request, const std::string& what, const Visitor& visit);

  int fd() const { return fd_.get(); }
  // Takes all notifications that are there without waiting. False: some were lost.
  bool drain();

 private:
  // Reads until the outcome of `sequence`; its error number.
  int receive(std::uint32_t sequence, const Visitor& visit);
  std::string reason(int error) const;

  UniqueFd fd_;
  std::uint32_t sequence_ = 0;
  std::string explanation_;
  bool inconsistent_ = false;
};

}  // namespace xcp::network::netlink
