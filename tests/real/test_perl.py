# SPDX-License-Identifier: BSD-2-Clause
"""Perl's News::NNTPClient."""

import compare
import posted
from programs import run
from report import NEEDS_GROUPS, row

CONNECT = """
use strict;
use News::NNTPClient;
my ($port, $user, $password, @words) = @ARGV;
my $c = new News::NNTPClient("127.0.0.1", $port);
$c->debug(0);
$c->authinfo($user, $password) or die $c->message;
$c->mode_reader;
binmode STDIN;
binmode STDOUT;
"""


def perl(service, parts, directory, program, *words, stdin=b""):
    return run(["/usr/bin/perl", "-e", CONNECT + program, service.port,
                service.user, service.password, *words], directory, stdin,
               raw=True, PERL5LIB=parts + "/usr/share/perl5")


@row("News::NNTPClient", "ARTICLE by message-id, LIST, DATE, a missing one")
def test_by_message_id(service, articles, parts, tmp_path):
    wanted = articles.at(*service.homes)[::40]
    output = perl(service, parts, tmp_path, """
        $c->date =~ /^\\d{14}$/ or die "date";
        grep { /^local\\.talk / } $c->list or die "list";
        $c->article("<nobody\\@harbour.example>");
        $c->code == 430 or die $c->message;
        for my $id (@words) {
            print join("", $c->article($id)), "\\0";
        }
        $c->quit;
        """, *(article.msgid for article in wanted))
    texts = output.split(b"\0")[:-1]
    assert len(texts) == len(wanted)
    for article, text in zip(wanted, texts):
        compare.check(article, text)


@row("News::NNTPClient", "reads a group: XOVER, XHDR, LISTGROUP, NEXT",
     NEEDS_GROUPS)
def test_group(service, articles, parts, tmp_path):
    wanted = articles.in_group("local.talk", "inn")
    output = perl(service, parts, tmp_path, """
        my ($first, $last) = $c->group("local.talk");
        my @over = $c->xover("$first-$last");
        my @heads = $c->xhdr("Message-ID", "$first-$last");
        my @numbers = $c->listgroup("local.talk");
        @over == @heads && @over == @numbers or die "@numbers";
        for my $number ($first .. $last) {
            print join("", $c->article($number)), "\\0";
        }
        $c->group("local.talk");
        $c->next eq $words[1] or die $c->message;
        $c->stat eq $words[1] or die $c->message;
        $c->last eq $words[0] or die $c->message;
        $c->group("local.nothing");
        $c->code == 411 or die $c->message;
        $c->quit;
        """, wanted[0].msgid, wanted[1].msgid)
    compare.check_all(wanted, output.split(b"\0")[:-1])


@row("News::NNTPClient", "POST, IHAVE")
def test_post(service, inn, parts, tmp_path):
    """Once with each; the lines of the second come from a peer."""
    post = posted.Post()
    perl(service, parts, tmp_path, "$c->post(<STDIN>) or die $c->message;",
         stdin=post.text().encode())
    posted.check(inn, post)
    post = posted.Post(path="feeder.example!not-for-mail")
    perl(service, parts, tmp_path, """
        $c->ihave($words[0], <STDIN>) or die $c->message;
        $c->ihave($words[0], "never sent");
        $c->code == 435 or die $c->message;
        """, post.msgid, stdin=post.text().encode())
    posted.check(inn, post)
