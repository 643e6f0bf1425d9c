<#import "template.ftl" as layout>
<#import "../common.ftl" as common>
<@layout.emailLayout title=msg("ellResetTitle") preheader=msg("ellResetWhy")>
  <@layout.paragraph>${msg("ellResetWhy")}</@layout.paragraph>
  <@layout.button href=link label=msg("ellResetButton")/>
  <@layout.paragraph>${msg("ellLifetime", common.lifetime(linkExpiration))}</@layout.paragraph>
  <@layout.heading>${msg("ellNotMeTitle")}</@layout.heading>
  <@layout.paragraph>${msg("ellResetNotMe")}</@layout.paragraph>
  <@layout.plainLink href=link/>
</@layout.emailLayout>
