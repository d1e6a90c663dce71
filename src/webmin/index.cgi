#!/usr/bin/perl
# Every page and file of the module: forwards the request to the app, and shows the answer in the panel.
use strict;
use warnings;

# Until the app has answered, the only answer can be Webmin's own refusal, for instance to a user who does not have the
# module. Webmin would send that with status 200.
{
    no warnings 'once';
    ($miniserv::ok_code, $miniserv::ok_message) = (403, 'Forbidden') if ref(tied(*STDOUT)) eq 'miniserv';
}
require './bridge-lib.pl';

answer_request();
