#!/usr/bin/perl
# module.info, read as Webmin reads it.
use strict;
use warnings;
use FindBin;
use JSON::PP;
use Test::More;

my $root = "$FindBin::Bin/../..";

# read_file(path) Returns a hash of the key=value lines, as Webmin's own library does.
sub read_file {
    my ($path) = @_;
    open(my $file, '<', $path) or die "$path: $!";
    my %values;
    while (my $line = <$file>) {
        $line =~ s/[\r\n]//g;
        next if $line =~ /^#/ || $line !~ /=/;
        my ($key, $value) = split(/=/, $line, 2);
        $values{$key} = $value;
    }
    return %values;
}

my %info = read_file("$root/module.info");
is($info{name}, 'virtualmin-mail-setup', 'the name is that of the folder');
is($info{depends}, 'virtual-server', 'it depends on Virtualmin');
for my $language (qw(en de fr nl)) {
    my %text = read_file("$root/src/webmin/lang/$language");
    my $suffix = $language eq 'en' ? '' : "_$language";
    is($info{"desc$suffix"}, $text{index_title}, "the title is that of the pages: $language");
    like($info{"longdesc$suffix"}, qr/IMAP.*Outlook.*Thunderbird/, "the panel's search finds words that people know: $language");
}

open(my $file, '<', "$root/package.json") or die $!;
my $package = decode_json(do { local $/; <$file> });
is($info{version}, $package->{version}, 'the version is that of package.json');

done_testing();
