<#ftl output_format="plainText" strip_whitespace=true>
<#import "template.ftl" as layout>
<@layout.oneLink title=msg("ellResetTitle") why=msg("ellResetWhy") action=msg("ellTextLink", msg("ellResetButton")) notMe=msg("ellResetNotMe")/>
