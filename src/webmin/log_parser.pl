# Describes this module's entries in Webmin's log of actions.
use strict;
use warnings;
use File::Basename qw(dirname);
require(dirname(__FILE__) . '/virtualmin-mail-setup-lib.pl');

our %text;

# parse_webmin_log(user, script, action, type, object, &params) Returns the description as HTML; nothing for an unknown action.
sub parse_webmin_log {
    my (undef, undef, $action, undef, undef, $params) = @_;
    my $description = $text{"log_$action"};
    return if !defined($description);
    $description =~ s{\{(\w+)\}}{'<tt>' . html_escape($params->{$1} // '') . '</tt>'}ge;
    return $description;
}

1;
