// SPDX-License-Identifier: GPL-2.0-or-later
// TLS as clients see it: suites, versions, goodbyes, certificates that change.
#include <gtest/gtest.h>
#include <openssl/err.h>

#include "base/failure.hpp"
#include "client.hpp"
#include "xapi/http/certificate.hpp"

namespace xcp::http {
namespace {

TEST(Tls, OffersTheSuitesOlderClientsInsistOn) {
  TestServer server(echo);
  for (const char* suite : {"ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-RSA-AES128-GCM-SHA256"}) {
    Client client = Client::tcp(server.tls_port());
    client.start_tls(suite);
    EXPECT_EQ(client.tls_suite(), suite);
    EXPECT_EQ(client.get("/").status, 200u);
  }
}

TEST(Tls, PrefersTheNewestVersion) {
  TestServer server(echo);
  Client client = server.connect(Transport::Tls);
  EXPECT_TRUE(client.tls_suite().starts_with("TLS_")) << client.tls_suite();  // a 1.3 name
}

TEST(Tls, RefusesWeakSuites) {
  TestServer server(echo);
  for (const char* suite : {"AES128-SHA", "ECDHE-RSA-AES128-SHA", "AES256-GCM-SHA384"}) {
    Client client = Client::tcp(server.tls_port());
    EXPECT_THROW(client.start_tls(suite), Failure) << suite;
  }
}

TEST(Tls, SaysGoodbye) {
  TestServer server(echo);
  Client client = server.connect(Transport::Tls);
  client.send("GET / HTTP/1.1\r\nConnection: close\r\n\r\n");
  // receive_all() throws when the end comes without close_notify.
  EXPECT_NO_THROW(EXPECT_FALSE(client.receive_all().empty()));
}

TEST(Tls, TellsPlainClientsWhatIsWrong) {
  TestServer server(echo);
  Client client = Client::tcp(server.tls_port());
  client.send("GET / HTTP/1.1\r\nHost: test\r\n\r\n");
  const Reply reply = client.reply();
  EXPECT_EQ(reply.status, 400u);
  EXPECT_NE(reply.body.find("HTTPS"), std::string::npos);
}

TEST(Tls, SurvivesGarbage) {
  TestServer server(echo);
  for (int i = 0; i < 20; ++i) {
    Client client = Client::tcp(server.tls_port());
    client.send(pattern(500, static_cast<std::uint64_t>(i)));
    client.finish_sending();
    while (const auto piece = client.receive())
      if (piece->empty()) break;
  }
  EXPECT_EQ(server.connect(Transport::Tls).get("/").status, 200u);
}

TEST(Tls, ChangesCertificatesForNewConnections) {
  TestServer server(echo);
  Client before = server.connect(Transport::Tls);
  const std::string first = read_certificate(server.certificate_path()).sha256_fingerprint;
  EXPECT_EQ(before.peer_certificate_sha256(), first);

  const std::string path = server.directory() + "/second.pem";
  ASSERT_TRUE(ensure_certificate(path, {"second.example"}));
  server.server().set_certificate(path);
  Client after = server.connect(Transport::Tls);
  EXPECT_EQ(after.peer_certificate_sha256(), read_certificate(path).sha256_fingerprint);
  EXPECT_NE(after.peer_certificate_sha256(), first);
  EXPECT_EQ(before.get("/").status, 200u);
}

TEST(Tls, KeepsTheCertificateWhenTheNewOneIsBad) {
  TestServer server(echo);
  const std::string path = server.directory() + "/bad.pem";
  write_file_durably(path, "not a certificate");
  EXPECT_THROW(server.server().set_certificate(path), Failure);
  EXPECT_THROW(server.server().set_certificate("/nonexistent.pem"), Failure);
  EXPECT_EQ(server.connect(Transport::Tls).get("/").status, 200u);
}

}  // namespace
}  // namespace xcp::http
