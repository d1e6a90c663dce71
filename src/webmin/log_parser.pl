# Says in words what Webmin's log of actions has of this module.
use strict;
use warnings;
use File::Basename qw(dirname);
require(dirname(__FILE__) . '/virtualmin-mail-setup-lib.pl');

our %text;

# parse_webmin_log(user, script, action, type, object, &params) Returns the words, as HTML.
sub parse_webmin_log {
    my (undef, undef, $action, undef, undef, $params) = @_;
    my $words = $text{"log_$action"};
    return if !defined($words);
    $words =~ s{\{(\w+)\}}{'<tt>' . html_escape($params->{$1} // '') . '</tt>'}ge;
    return $words;
}

1;
